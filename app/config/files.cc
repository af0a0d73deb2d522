#include "app/config/files.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "app/config/values.h"
#include "app/config/yaml_fields.h"
#include "app/config/yaml_reader.h"
#include "base/limits.h"
#include "base/quote.h"
#include "controlplane/passwords.h"
#include "controlplane/policy/scope_lint.h"

namespace registry::app {
namespace {

using controlplane::Resource;
using controlplane::Role;
using controlplane::RoleBinding;
using controlplane::Subject;
using controlplane::Token;
using controlplane::User;
using controlplane::Verb;

constexpr absl::string_view kCertainlyNoTag =
    "matches no tag, because scopes match tags as REPOSITORY:TAG; write (:.+)?$ instead of the "
    "final $";

// Reads the documents one by one, then checks the references between them.
class Loader {
 public:
  absl::StatusOr<LoadedFiles> Load(absl::Span<const SourceFile> files);

 private:
  // A reference to an object that a later document may define.
  struct Reference {
    YamlValue value;
    std::string name;
  };
  // A binding's scope that matches no tag.
  struct UntaggedScope {
    YamlValue value;
    std::string role;
  };

  void ReadDocument(const YamlValue& document);
  // Each reads the `spec` of a document with that name.
  void ReadUser(const std::string& name, const YamlValue& spec);
  void ReadRole(const std::string& name, const YamlValue& spec);
  void ReadBinding(const std::string& name, const YamlValue& spec);
  void ReadToken(const std::string& name, const YamlValue& spec);
  void ReadCache(const std::string& name, const YamlValue& spec);

  // The document's name; nullopt if invalid.
  std::optional<std::string> ReadName(const YamlValue& document, absl::string_view kind);
  // Reports a name that is already used within its kind.
  void CheckIsNew(absl::string_view kind, absl::string_view name, const YamlValue& value);
  void ReadSubject(const YamlValue& subject, RoleBinding& binding);
  void ReadTokenValue(const YamlValue& value, Token& token);

  void CheckReferences();

  YamlReport report_;
  LoadedFiles loaded_;
  // The origin of the current document.
  std::string origin_;
  // A document could not be read: it may define the missing objects.
  bool incomplete_ = false;

  // Places by "KIND/NAME". Includes documents with errors: their names exist.
  absl::flat_hash_map<std::string, YamlPlace> names_;
  absl::flat_hash_map<std::string, YamlPlace> token_values_;
  absl::flat_hash_set<std::string> groups_;
  std::vector<Reference> role_references_;
  std::vector<Reference> token_users_;
  std::vector<Reference> user_subjects_;
  std::vector<Reference> group_subjects_;
  std::vector<UntaggedScope> untagged_scopes_;
};

std::optional<std::string> Loader::ReadName(const YamlValue& document, absl::string_view kind) {
  const YamlValue metadata = document.Required("metadata");
  if (!metadata.IsMapOf({"name"})) return std::nullopt;
  const YamlValue value = metadata.Required("name");
  std::optional<std::string> name = value.Text();
  if (!name.has_value()) return std::nullopt;
  if (kind == "User" && *name != controlplane::kAnonymous) {
    if (absl::Status status = controlplane::ValidateUserName(*name); !status.ok()) {
      value.Error(absl::StrCat("is an ", status.message(), "; choose another"));
      return std::nullopt;
    }
  } else if (!CheckName(value, *name)) {
    return std::nullopt;
  }
  CheckIsNew(kind, *name, value);
  return name;
}

void Loader::CheckIsNew(absl::string_view kind, absl::string_view name, const YamlValue& value) {
  const auto [first, is_new] = names_.try_emplace(absl::StrCat(kind, "/", name), value.place());
  if (is_new) return;
  value.Error(absl::StrCat(kind, " ", base::Quote(name), " is already defined in ",
                           first->second.ToString(), "; rename or remove one"));
}

void Loader::ReadDocument(const YamlValue& document) {
  origin_ = document.place().ToString();
  // Incomplete until the document's kind and name are known.
  const bool was_incomplete = std::exchange(incomplete_, true);
  if (!document.IsMapOf({"apiVersion", "kind", "metadata", "spec"})) return;
  const YamlValue version_value = document.Field("apiVersion");
  const YamlValue kind_value = document.Required("kind");
  const std::optional<std::string> version = version_value.Text();
  const std::optional<std::string> kind = kind_value.Text();
  if (version.has_value() && *version != kApiVersion) {
    version_value.Error(
        absl::StrCat("is ", base::Quote(*version), ", which is unknown; write ", kApiVersion));
    return;
  }
  // Some examples of the Go original omit it.
  if (!version_value.present()) {
    version_value.Warning(absl::StrCat("is missing; add apiVersion: ", kApiVersion));
  } else if (!version.has_value()) {
    return;
  }
  if (!kind.has_value()) return;

  if (*kind == "Configuration") {
    incomplete_ = was_incomplete;
    const YamlValue metadata = document.Field("metadata");
    if (metadata.IsMapOf({"name"})) {
      const YamlValue name = metadata.Field("name");
      if (const auto text = name.Text(); text.has_value() && CheckName(name, *text)) {
        CheckIsNew("Configuration", *text, name);
      }
    }
    ReadConfiguration(document.Required("spec"), loaded_.configuration);
    return;
  }
  constexpr std::pair<absl::string_view, void (Loader::*)(const std::string&, const YamlValue&)>
      kReaders[] = {{"User", &Loader::ReadUser},
                    {"Role", &Loader::ReadRole},
                    {"RoleBinding", &Loader::ReadBinding},
                    {"Token", &Loader::ReadToken},
                    {"PullThroughCache", &Loader::ReadCache}};
  for (const auto& [name, read] : kReaders) {
    if (*kind != name) continue;
    const std::optional<std::string> object = ReadName(document, *kind);
    incomplete_ = was_incomplete || !object.has_value();
    // A user needs only a name.
    const YamlValue spec = *kind == "User" ? document.Field("spec") : document.Required("spec");
    // Read a document without a valid name too, to report its other errors.
    (this->*read)(object.value_or(""), spec);
    return;
  }
  kind_value.Error(absl::StrCat("is ", base::Quote(*kind),
                                ", which is unknown; write Configuration, User, Role, "
                                "RoleBinding, Token or PullThroughCache"));
}

void Loader::ReadUser(const std::string& name, const YamlValue& spec) {
  User user{.name = name, .origin = origin_};
  if (spec.IsMapOf({"passwordHash", "groups"})) {
    const YamlValue hash = spec.Field("passwordHash");
    user.password_hash = ReadOptionalText(hash).value_or("");
    if (!user.password_hash.empty()) {
      if (absl::Status status = controlplane::ValidatePasswordHash(user.password_hash);
          !status.ok()) {
        hash.Error(absl::StrCat("is an ", status.message()));
      } else if (name == controlplane::kAnonymous) {
        hash.Warning("has no effect: 'anonymous' names clients that do not log in");
      }
    }
    for (const YamlValue& item : spec.Field("groups").Items()) {
      std::optional<std::string> group = item.Text();
      if (!group.has_value() || !CheckName(item, *group)) continue;
      groups_.insert(*group);
      user.groups.insert(*std::move(group));
    }
  }
  loaded_.objects.users.push_back(std::move(user));
}

void Loader::ReadRole(const std::string& name, const YamlValue& spec) {
  if (!spec.IsMapOf({"resources", "verbs"})) return;
  Role role{.name = name, .origin = origin_};
  for (const YamlValue& item : Items(spec.Required("resources"), "so the role allows nothing")) {
    const std::optional<std::string> text = item.Text();
    if (!text.has_value()) continue;
    if (*text == "*") {
      role.resources.insert(std::begin(controlplane::kAllResources),
                            std::end(controlplane::kAllResources));
    } else if (const std::optional<Resource> resource = controlplane::ParseResource(*text)) {
      role.resources.insert(*resource);
    } else {
      item.Error(
          absl::StrCat(base::Quote(*text),
                       " is not a resource; write catalog, blobs, manifests, tags or \"*\""));
    }
  }
  for (const YamlValue& item : Items(spec.Required("verbs"), "so the role allows nothing")) {
    const std::optional<std::string> text = item.Text();
    if (!text.has_value()) continue;
    if (*text == "*") {
      role.verbs.insert(std::begin(controlplane::kAllVerbs), std::end(controlplane::kAllVerbs));
    } else if (const std::optional<Verb> verb =
                   controlplane::ParseVerb(absl::StripAsciiWhitespace(*text))) {
      role.verbs.insert(*verb);
    } else {
      item.Error(
          absl::StrCat(base::Quote(*text),
                       " is not a verb; write GET, HEAD, POST, PUT, PATCH, DELETE or \"*\""));
    }
  }
  loaded_.objects.roles.push_back(std::move(role));
}

void Loader::ReadSubject(const YamlValue& subject, RoleBinding& binding) {
  if (!subject.IsMapOf({"kind", "name"})) return;
  const YamlValue kind_value = subject.Required("kind");
  const YamlValue name_value = subject.Required("name");
  const std::optional<std::string> kind = kind_value.Text();
  const std::optional<std::string> name = name_value.Text();
  if (kind.has_value() && *kind != "User" && *kind != "Group") {
    kind_value.Error(absl::StrCat("is ", base::Quote(*kind), "; write User or Group"));
    return;
  }
  if (!name.has_value() || !CheckName(name_value, *name) || !kind.has_value()) return;
  const bool is_user = *kind == "User";
  (is_user ? user_subjects_ : group_subjects_).push_back({name_value, *name});
  binding.subjects.push_back(
      {.kind = is_user ? Subject::Kind::kUser : Subject::Kind::kGroup, .name = *name});
}

void Loader::ReadBinding(const std::string& name, const YamlValue& spec) {
  if (!spec.IsMapOf({"subjects", "roleRef", "scopes"})) return;
  RoleBinding binding{.name = name, .origin = origin_};
  constexpr absl::string_view kNothing = "so the binding allows nothing";
  for (const YamlValue& subject : Items(spec.Required("subjects"), kNothing)) {
    ReadSubject(subject, binding);
  }

  const YamlValue role = spec.Required("roleRef");
  if (role.IsMapOf({"name"})) {
    const YamlValue role_name = role.Required("name");
    if (std::optional<std::string> text = role_name.Text(); text.has_value()) {
      binding.role = *std::move(text);
      role_references_.push_back({role_name, binding.role});
    }
  }

  const std::vector<YamlValue> scope_items = Items(spec.Required("scopes"), kNothing);
  binding.scopes = ReadScopes(scope_items);
  // An author who wrote one scope with a colon knows how tags are matched. The other scopes may be
  // meant for blobs, which are matched by the bare name.
  const bool knows_tags =
      std::any_of(binding.scopes.begin(), binding.scopes.end(), [](const std::string& scope) {
        return absl::StrContains(scope, ':') && !controlplane::ScopeNeverMatchesTag(scope);
      });
  for (const YamlValue& item : scope_items) {
    if (knows_tags || binding.scopes.size() != scope_items.size()) break;
    if (controlplane::ScopeNeverMatchesTag(*item.Text()))
      untagged_scopes_.push_back({item, binding.role});
  }
  loaded_.objects.bindings.push_back(std::move(binding));
}

void Loader::ReadCache(const std::string& name, const YamlValue& spec) {
  loaded_.caches.push_back(ReadPullThroughCache(name, spec));
}

void Loader::ReadTokenValue(const YamlValue& value, Token& token) {
  std::optional<std::string> text = value.Text();
  if (!text.has_value()) return;
  if (text->size() < controlplane::kMinTokenValueBytes) {
    value.Warning(
        absl::StrCat("is shorter than ", controlplane::kMinTokenValueBytes,
                     " bytes and can be guessed; generate one with openssl rand -hex 32"));
  }
  if (text->empty()) {
    value.Error("is empty; generate one with openssl rand -hex 32");
  } else if (text->size() > base::kMaxTokenBytes) {
    value.Error(absl::StrCat("is longer than ", base::kMaxTokenBytes, " bytes; shorten it"));
  } else if (!controlplane::IsTokenText(*text)) {
    value.Error("has characters that a header cannot carry; use letters, digits and -._~+/=");
  } else if (const auto [first, is_new] = token_values_.try_emplace(*text, value.place());
             !is_new) {
    value.Error(absl::StrCat("is already the value of another Token, in ", first->second.ToString(),
                             "; generate a new value for this one"));
  }
  token.value_hash = controlplane::HashTokenValue(*text);
}

void Loader::ReadToken(const std::string& name, const YamlValue& spec) {
  if (!spec.IsMapOf({"value", "username", "expiresAt"})) return;
  Token token{.name = name, .origin = origin_};
  ReadTokenValue(spec.Required("value"), token);

  const YamlValue user = spec.Required("username");
  if (std::optional<std::string> text = user.Text(); text.has_value()) {
    token.user = *std::move(text);
    if (token.user == controlplane::kAnonymous) {
      user.Error("names 'anonymous', the clients that send no credentials; name another user");
    } else {
      token_users_.push_back({user, token.user});
    }
  }

  const YamlValue expiry = spec.Field("expiresAt");
  if (expiry.is_null()) {
    // Not the same as omitting it: the author wants the token to expire.
    expiry.Error("is empty; write a time, or omit it for a token that never expires");
  } else if (!expiry.present()) {
    // The Go original treats such tokens as expired.
    expiry.Warning("is missing, so the token never expires; add a time");
  }
  if (const std::optional<std::string> text = expiry.Text(); text.has_value()) {
    token.expires_at_ms = ParseRfc3339(*text);
    if (!token.expires_at_ms.has_value()) {
      expiry.Error(
          absl::StrCat(base::Quote(*text),
                       " is not a time; write an RFC 3339 time such as 2030-01-31T12:00:00Z"));
    } else if (*token.expires_at_ms <= absl::ToUnixMillis(absl::Now())) {
      expiry.Warning("has passed, so the token no longer works");
    }
  }
  loaded_.objects.tokens.push_back(std::move(token));
}

void Loader::CheckReferences() {
  const auto exists = [&](absl::string_view kind, absl::string_view name) {
    return names_.contains(absl::StrCat(kind, "/", name));
  };
  for (const auto& [value, name] : role_references_) {
    if (exists("Role", name)) continue;
    value.Error(absl::StrCat("there is no Role ", base::Quote(name), "; add it or name another"));
  }
  for (const auto& [value, name] : token_users_) {
    if (exists("User", name)) continue;
    value.Error(absl::StrCat("there is no User ", base::Quote(name), "; add it or name another"));
  }
  for (const auto& [value, name] : user_subjects_) {
    if (exists("User", name)) continue;
    value.Warning(absl::StrCat("there is no User ", base::Quote(name), " in these files"));
  }
  for (const auto& [value, name] : group_subjects_) {
    if (groups_.contains(name)) continue;
    value.Warning(absl::StrCat("no User is in the group ", base::Quote(name)));
  }
  // Requests for blobs and the catalog never have a tag.
  absl::flat_hash_set<absl::string_view> tag_roles;
  for (const Role& role : loaded_.objects.roles) {
    if (role.resources.contains(Resource::kManifests) || role.resources.contains(Resource::kTags)) {
      tag_roles.insert(role.name);
    }
  }
  for (const auto& [value, role] : untagged_scopes_) {
    if (tag_roles.contains(role)) value.Warning(kCertainlyNoTag);
  }
}

absl::StatusOr<LoadedFiles> Loader::Load(absl::Span<const SourceFile> files) {
  for (size_t i = 0; i < files.size(); ++i) {
    // A writer may have just truncated it: reading it as no objects would delete its former ones.
    if (absl::StripAsciiWhitespace(files[i].content).empty()) {
      report_.Error({.file_index = i, .file = files[i].path}, "",
                    "is empty; add a document to it, or remove it");
    }
    const bool complete = ReadYaml(i, files[i].path, files[i].content, &report_,
                                   [&](const YamlValue& document) { ReadDocument(document); });
    incomplete_ = incomplete_ || !complete;
  }
  // A missing object may be defined in an unreadable document, which is already reported.
  if (!incomplete_) CheckReferences();
  if (absl::Status status = report_.ToStatus(); !status.ok()) return status;
  loaded_.warnings = report_.Warnings();
  return std::move(loaded_);
}

}  // namespace

absl::StatusOr<LoadedFiles> ParseFiles(absl::Span<const SourceFile> files) {
  return Loader().Load(files);
}

}  // namespace registry::app
