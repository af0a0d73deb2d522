#include "controlplane/policy/store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/quote.h"
#include "controlplane/clock.h"
#include "controlplane/passwords.h"
#include "controlplane/policy/edits.h"
#include "controlplane/policy/error.h"
#include "controlplane/policy/policy.h"
#include "controlplane/policy/view.h"

namespace registry::controlplane {
namespace {

PolicyRows LoadRows(Transaction& t) {
  PolicyRows rows;
  t.Query("SELECT kind, name, spec, origin FROM policy_objects", {}, [&](const Row& row) {
    rows[{std::string(row.Text(0)), std::string(row.Text(1))}] = {
        .spec = std::string(row.Text(2)), .origin = std::string(row.Text(3))};
  });
  return rows;
}

// The longest prefix of UTF-8 text that fits without splitting a character.
absl::string_view WholeCharacters(absl::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  while (max_bytes > 0 && (text[max_bytes] & 0xc0) == 0x80) --max_bytes;
  return text.substr(0, max_bytes);
}

// Splits the details of one change over several events.
std::vector<std::string> PartsOf(absl::string_view detail) {
  std::vector<std::string> parts;
  while (!detail.empty()) {
    const absl::string_view part = WholeCharacters(detail, base::kMaxAuditEventBytes);
    parts.emplace_back(part);
    detail.remove_prefix(part.size());
  }
  if (parts.size() == 1) return parts;
  for (size_t i = 0; i < parts.size(); ++i) {
    parts[i] = absl::StrCat("part ", i + 1, " of ", parts.size(), ": ", parts[i]);
  }
  return parts;
}

// Stores the changed rows. Returns the changes for the audit log: "group devs: members -[]
// +[\"bob\"]; …".
std::string StoreRows(Transaction& t, const PolicyRows& before, const PolicyRows& after) {
  std::string detail;
  const auto changed = [&](const PolicyRowKey& key, const PolicyRow* old, const PolicyRow* now) {
    if (detail.size() > base::kMaxAuditDetailBytes) return;
    // Not a change: the object only moved within its file.
    if (old != nullptr && now != nullptr && old->spec == now->spec) return;
    absl::StrAppend(
        &detail, detail.empty() ? "" : "; ", key.first, " ", key.second, ": ",
        DescribeChange(old == nullptr ? "" : old->spec, now == nullptr ? "" : now->spec));
    if (detail.size() <= base::kMaxAuditDetailBytes) return;
    detail = absl::StrCat(WholeCharacters(detail, base::kMaxAuditDetailBytes), "; and more");
  };
  for (const auto& [key, row] : before) {
    if (after.contains(key)) continue;
    t.Execute("DELETE FROM policy_objects WHERE kind = ?1 AND name = ?2", {key.first, key.second});
    changed(key, &row, nullptr);
  }
  for (const auto& [key, row] : after) {
    const auto old = before.find(key);
    if (old != before.end() && old->second == row) continue;
    t.Execute(
        "INSERT INTO policy_objects (kind, name, spec, origin) VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT (kind, name) DO UPDATE SET spec = excluded.spec, origin = excluded.origin",
        {key.first, key.second, row.spec, row.origin});
    changed(key, old == before.end() ? nullptr : &old->second, &row);
  }
  return detail;
}

std::string ContentHash(const PolicyRows& rows) {
  base::Hasher hasher("sha256");
  for (const auto& [key, row] : rows) {
    if (row.origin.empty()) continue;
    for (const std::string* part : {&key.first, &key.second, &row.spec}) {
      hasher.Update(absl::StrCat(part->size(), ":", *part));
    }
  }
  return absl::BytesToHexString(hasher.Finish());
}

// Removes the admin API's tokens whose users do not exist, and adds empty roles for missing roles
// that its bindings refer to.
PolicyObjects Usable(PolicyObjects objects, std::vector<std::string>& warnings) {
  std::set<std::string> users;
  for (const User& user : objects.users) users.insert(user.name);
  std::set<std::string> roles;
  for (const Role& role : objects.roles) roles.insert(role.name);
  for (const RoleBinding& binding : objects.bindings) {
    if (!binding.origin.empty() || roles.contains(binding.role)) continue;
    warnings.push_back(absl::StrCat("role binding ", base::Quote(binding.name),
                                    " has no effect: there is no role ",
                                    base::Quote(binding.role)));
    // An empty role, so that a denial can give the reason.
    if (roles.insert(binding.role).second) objects.roles.push_back({.name = binding.role});
  }
  std::erase_if(objects.tokens, [&](const Token& token) {
    if (!token.origin.empty() || users.contains(token.user)) return false;
    warnings.push_back(absl::StrCat("token ", base::Quote(token.name),
                                    " has no effect: there is no user ", base::Quote(token.user)));
    return true;
  });
  return objects;
}

// Removes the old configured objects, and objects that a newly configured one replaces.
template <class Object>
void RemoveConfigured(const std::vector<Object>& configured, absl::string_view kind,
                      std::vector<Object>& objects, std::vector<std::string>& warnings) {
  std::set<absl::string_view> names;
  for (const Object& object : configured) names.insert(object.name);
  std::erase_if(objects, [&](const Object& object) {
    if (!object.origin.empty()) return true;
    if (!names.contains(object.name)) return false;
    warnings.push_back(absl::StrCat("the ", kind, " ", base::Quote(object.name),
                                    " of the admin API is replaced by the configured one"));
    return true;
  });
  objects.insert(objects.end(), configured.begin(), configured.end());
}

std::set<std::string> UserNames(const PolicyObjects& objects) {
  std::set<std::string> names;
  for (const User& user : objects.users) names.insert(user.name);
  return names;
}

size_t CountObjects(const PolicyObjects& objects) {
  return objects.users.size() + objects.groups.size() + objects.roles.size() +
         objects.bindings.size() + objects.tokens.size();
}

// Above the limit, changes may only reduce the number of objects.
absl::Status CheckCount(size_t before, size_t after) {
  if (after <= before || after <= base::kMaxPolicyObjects) return absl::OkStatus();
  return Impossible("TOO_MANY_OBJECTS",
                    absl::StrCat("the access policy would have ", after, " objects; at most ",
                                 base::kMaxPolicyObjects, " are allowed: delete some"));
}

void Configure(const PolicyObjects& configured, PolicyObjects& objects,
               std::vector<std::string>& warnings) {
  const std::set<std::string> before = UserNames(objects);
  RemoveConfigured(configured.users, "user", objects.users, warnings);
  RemoveConfigured(configured.roles, "role", objects.roles, warnings);
  RemoveConfigured(configured.bindings, "role binding", objects.bindings, warnings);
  RemoveConfigured(configured.tokens, "token", objects.tokens, warnings);
  const std::set<std::string> after = UserNames(objects);
  for (const std::string& name : before) {
    if (!after.contains(name)) ForgetUser(objects, name);
  }
  std::set<absl::string_view> values;
  for (const Token& token : configured.tokens) values.insert(token.value_hash);
  std::erase_if(objects.tokens, [&](const Token& token) {
    if (!token.origin.empty() || !values.contains(token.value_hash)) return false;
    warnings.push_back(absl::StrCat("the token ", base::Quote(token.name),
                                    " of the admin API is replaced by the configured one with "
                                    "the same value"));
    return true;
  });
}

// Keyed by user name.
using PasswordHashes = std::map<std::string, std::string>;

PasswordHashes PasswordHashesOf(const PolicyObjects& objects) {
  PasswordHashes hashes;
  for (const User& user : objects.users) hashes.emplace(user.name, user.password_hash);
  return hashes;
}

// Counts revocations, so that changing a password and changing it back does not revive tokens.
void RevokeWhereHashesChanged(const PasswordHashes& before, PolicyObjects& objects) {
  for (const User& user : objects.users) {
    const auto found = before.find(user.name);
    if (found == before.end() || found->second == user.password_hash) continue;
    ++objects.revocations[user.name].passwords;
  }
}

// Bounds the revocations of deleted users. Of their credentials only bearer tokens still work, for
// minutes, and only for a new user with the same name and password hash. So revocations that are
// new since `before` are pruned last.
void PruneRevocations(const std::map<std::string, Revocations>& before, PolicyObjects& objects) {
  if (objects.revocations.size() <= base::kMaxRevocations) return;
  const std::set<std::string> users = UserNames(objects);
  for (const bool new_ones_too : {false, true}) {
    std::erase_if(objects.revocations, [&](const auto& entry) {
      if (objects.revocations.size() <= base::kMaxRevocations) return false;
      const auto old = before.find(entry.first);
      const bool is_new = old == before.end() || old->second != entry.second;
      return !users.contains(entry.first) && (new_ones_too || !is_new);
    });
  }
}

absl::Status SetPasswords(Database& database, const std::map<std::string, std::string>& passwords,
                          PolicyObjects& configured) {
  const absl::StatusOr<PolicyObjects> kept = RunTransaction(
      database, TransactionMode::kRead, [](Transaction& t) -> absl::StatusOr<PolicyObjects> {
        const PolicyRows rows = LoadRows(t);
        if (!t.status().ok()) return t.status();
        return FromRows(rows);
      });
  if (!kept.ok()) return kept.status();
  for (User& user : configured.users) {
    const auto password = passwords.find(user.name);
    if (password == passwords.end()) continue;
    for (const User& before : kept->users) {
      if (before.name == user.name && VerifyPassword(password->second, before.password_hash)) {
        user.password_hash = before.password_hash;
      }
    }
    if (!user.password_hash.empty()) continue;
    absl::StatusOr<std::string> hash = HashPassword(password->second);
    if (!hash.ok()) return hash.status();
    user.password_hash = *std::move(hash);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<PolicyStore>> PolicyStore::Open(
    Database& database, PolicyObjects configured,
    const std::map<std::string, std::string>& passwords) {
  std::unique_ptr<PolicyStore> store(new PolicyStore(database));
  store->holder_ = std::make_shared<PolicyHolder>(PolicySnapshot{});
  const absl::StatusOr<Replaced> first =
      store->ReplaceConfigured({.actor = ThisProcess(), .method = "Start", .resource = ""},
                               std::move(configured), passwords);
  if (!first.ok()) return first.status();
  for (const std::string& warning : first->warnings) base::LogWarning(warning);
  return store;
}

absl::StatusOr<PolicyStore::Stored> PolicyStore::ChangeRows(Transaction& t, const Cause& cause,
                                                            Edit edit) const {
  const PolicyRows before = LoadRows(t);
  if (!t.status().ok()) return t.status();
  absl::StatusOr<PolicyObjects> objects = FromRows(before);
  if (!objects.ok()) return objects.status();
  const size_t objects_before = CountObjects(*objects);
  const PasswordHashes hashes_before = PasswordHashesOf(*objects);
  const std::map<std::string, Revocations> revocations_before = objects->revocations;
  if (absl::Status status = edit(*objects); !status.ok()) return status;
  if (absl::Status status = CheckCount(objects_before, CountObjects(*objects)); !status.ok()) {
    return status;
  }
  RevokeWhereHashesChanged(hashes_before, *objects);
  PruneRevocations(revocations_before, *objects);
  const absl::StatusOr<PolicyRows> after = ToRows(*objects);
  if (!after.ok()) return after.status();
  Stored stored;
  const PolicySnapshot current = holder_->Current();
  absl::StatusOr<Policy> policy =
      Policy::Create(Usable(*objects, stored.warnings), current.policy.get());
  if (!policy.ok()) return policy.status();
  stored.policy = std::make_shared<const Policy>(*std::move(policy));
  // Same order as after a restart.
  stored.objects = FromRows(*after).value();

  const std::string changes = StoreRows(t, before, *after);
  const std::string detail =
      absl::StrCat(cause.detail, cause.detail.empty() || changes.empty() ? "" : "; ", changes);
  for (const auto& [key, row] : before) {
    if (key.first != "user" || after->contains(key)) continue;
    t.Execute("DELETE FROM refresh_tokens WHERE user_name = ?1", {key.second});
  }
  const std::string content_hash = ContentHash(*after);
  t.Execute(
      "INSERT INTO policy_file_set (id, content_hash, loaded_at_ms) VALUES (1, ?1, ?2) "
      "ON CONFLICT (id) DO UPDATE SET content_hash = excluded.content_hash, "
      "loaded_at_ms = excluded.loaded_at_ms "
      "WHERE policy_file_set.content_hash <> excluded.content_hash",
      {content_hash, database_.NowMs()});
  stored.revision =
      t.QueryFirst(detail.empty()
                       ? "SELECT revision FROM policy_revision"
                       : "UPDATE policy_revision SET revision = revision + 1 RETURNING revision",
                   {}, [](const Row& row) { return row.Int(0); })
          .value_or(0);
  for (std::string& part : PartsOf(detail)) {
    AppendAuditEvent(t, {.at_ms = database_.NowMs(),
                         .actor = cause.actor,
                         .method = cause.method,
                         .resource = cause.resource,
                         .detail = std::move(part),
                         .revision = stored.revision});
  }
  return stored;
}

absl::StatusOr<PolicySnapshot> PolicyStore::Change(const Cause& cause, Edit edit) {
  // The last start or reload has already logged the same warnings.
  std::vector<std::string> ignored;
  return Apply(cause, edit, ignored);
}

absl::StatusOr<PolicySnapshot> PolicyStore::Apply(const Cause& cause, Edit edit,
                                                  std::vector<std::string>& warnings) {
  std::lock_guard lock(mutex_);
  absl::StatusOr<Stored> stored =
      RunTransaction(database_, TransactionMode::kWrite,
                     [&](Transaction& t) { return ChangeRows(t, cause, edit); });
  if (!stored.ok()) return stored.status();
  warnings = std::move(stored->warnings);
  holder_->Replace({.policy = std::move(stored->policy),
                    .objects = std::make_shared<const PolicyObjects>(
                        EffectiveObjects(std::move(stored->objects))),
                    .revision = stored->revision});
  return holder_->Current();
}

absl::StatusOr<PolicyStore::Replaced> PolicyStore::ReplaceConfigured(
    const Cause& cause, PolicyObjects configured,
    const std::map<std::string, std::string>& passwords) {
  if (absl::Status status = SetPasswords(database_, passwords, configured); !status.ok()) {
    return status;
  }
  Replaced replaced;
  std::vector<std::string> without_effect;
  absl::StatusOr<PolicySnapshot> snapshot = Apply(
      cause,
      [&](PolicyObjects& objects) {
        replaced.warnings.clear();
        Configure(configured, objects, replaced.warnings);
        return absl::OkStatus();
      },
      without_effect);
  if (!snapshot.ok()) return snapshot.status();
  replaced.snapshot = *std::move(snapshot);
  replaced.warnings.insert(replaced.warnings.end(), without_effect.begin(), without_effect.end());
  return replaced;
}

}  // namespace registry::controlplane
