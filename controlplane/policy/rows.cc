#include "controlplane/policy/rows.h"

#include <boost/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/quote.h"

namespace registry::controlplane {
namespace {

namespace json = boost::json;

template <class Texts>
json::array ToArray(const Texts& texts) {
  json::array array;
  for (const auto& text : texts) array.emplace_back(std::string(text));
  return array;
}

json::object ToSpec(const User& user) {
  return {{"passwordHash", user.password_hash}, {"groups", ToArray(user.groups)}};
}

json::object ToSpec(const Group& group) { return {{"members", ToArray(group.members)}}; }

json::object ToSpec(const Role& role) {
  std::vector<absl::string_view> resources;
  for (const Resource resource : role.resources) resources.push_back(ResourceName(resource));
  std::vector<absl::string_view> verbs;
  for (const Verb verb : role.verbs) verbs.push_back(VerbName(verb));
  return {{"resources", ToArray(resources)}, {"verbs", ToArray(verbs)}};
}

json::object ToSpec(const RoleBinding& binding) {
  json::array subjects;
  for (const Subject& subject : binding.subjects) {
    subjects.push_back(json::object{
        {"kind", subject.kind == Subject::Kind::kUser ? "User" : "Group"}, {"name", subject.name}});
  }
  return {{"role", binding.role},
          {"subjects", std::move(subjects)},
          {"scopes", ToArray(binding.scopes)}};
}

json::object ToSpec(const Token& token) {
  json::object spec{{"valueHash", token.value_hash}, {"user", token.user}};
  if (token.expires_at_ms.has_value()) spec["expiresAtMs"] = *token.expires_at_ms;
  return spec;
}

template <class Object>
absl::Status AddRows(const char* kind, const std::vector<Object>& objects, PolicyRows& rows) {
  for (const Object& object : objects) {
    const bool is_new =
        rows.try_emplace({kind, object.name}, PolicyRow{.spec = json::serialize(ToSpec(object)),
                                                        .origin = object.origin})
            .second;
    if (!is_new) {
      return absl::InvalidArgumentError(
          absl::StrCat(kind, " ", base::Quote(object.name), " is defined twice"));
    }
  }
  return absl::OkStatus();
}

// The following throw boost.json's exceptions if the spec has another shape.

std::string TextOf(const json::value& value) { return std::string(value.as_string()); }

template <class Visit>
void EachText(const json::value& array, Visit visit) {
  for (const json::value& item : array.as_array()) visit(TextOf(item));
}

void FromSpec(const json::object& spec, User& user) {
  user.password_hash = TextOf(spec.at("passwordHash"));
  EachText(spec.at("groups"), [&](std::string text) { user.groups.insert(std::move(text)); });
}

void FromSpec(const json::object& spec, Group& group) {
  EachText(spec.at("members"), [&](std::string text) { group.members.insert(std::move(text)); });
}

void FromSpec(const json::object& spec, Role& role) {
  EachText(spec.at("resources"),
           [&](const std::string& text) { role.resources.insert(ParseResource(text).value()); });
  EachText(spec.at("verbs"),
           [&](const std::string& text) { role.verbs.insert(ParseVerb(text).value()); });
}

void FromSpec(const json::object& spec, RoleBinding& binding) {
  binding.role = TextOf(spec.at("role"));
  for (const json::value& subject : spec.at("subjects").as_array()) {
    const bool is_user = TextOf(subject.at("kind")) == "User";
    binding.subjects.push_back({.kind = is_user ? Subject::Kind::kUser : Subject::Kind::kGroup,
                                .name = TextOf(subject.at("name"))});
  }
  EachText(spec.at("scopes"), [&](std::string text) { binding.scopes.push_back(std::move(text)); });
}

void FromSpec(const json::object& spec, Token& token) {
  token.value_hash = TextOf(spec.at("valueHash"));
  token.user = TextOf(spec.at("user"));
  if (const json::value* at = spec.if_contains("expiresAtMs")) token.expires_at_ms = at->as_int64();
}

template <class Object>
void AddObject(const std::string& name, const PolicyRow& row, const json::object& spec,
               std::vector<Object>& objects) {
  Object object{.name = name, .origin = row.origin};
  FromSpec(spec, object);
  objects.push_back(std::move(object));
}

void AddObject(const PolicyRowKey& key, const PolicyRow& row, PolicyObjects& objects) {
  const auto& [kind, name] = key;
  const json::value value = json::parse(row.spec);
  const json::object& spec = value.as_object();
  if (kind == "user") return AddObject(name, row, spec, objects.users);
  if (kind == "group") return AddObject(name, row, spec, objects.groups);
  if (kind == "role") return AddObject(name, row, spec, objects.roles);
  if (kind == "role_binding") return AddObject(name, row, spec, objects.bindings);
  if (kind == "token") return AddObject(name, row, spec, objects.tokens);
  if (kind != "revocation") throw std::invalid_argument("unknown kind");
  objects.revocations[name] = {.all = spec.at("all").as_int64(),
                               .passwords = spec.at("passwords").as_int64()};
}

json::object Parse(const std::string& spec) { return json::parse(spec).as_object(); }

json::value At(const json::object& object, json::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? json::value() : *value;
}

json::object WithoutSecrets(json::object spec) {
  for (const char* secret : {"passwordHash", "valueHash"}) {
    json::value* value = spec.if_contains(secret);
    if (value == nullptr) continue;
    *value = value->as_string().empty() ? "none" : "secret";
  }
  return spec;
}

// The items of `these` that are not in `those`.
json::array Without(const json::array& these, const json::array& those) {
  std::set<std::string> known;
  for (const json::value& item : those) known.insert(json::serialize(item));
  json::array kept;
  for (const json::value& item : these) {
    if (!known.contains(json::serialize(item))) kept.push_back(item);
  }
  return kept;
}

// For lists, which may be long, only removed and added items.
std::string DescribeValues(const json::value& before, const json::value& after) {
  if (before.is_array() && after.is_array()) {
    const json::array gone = Without(before.get_array(), after.get_array());
    const json::array added = Without(after.get_array(), before.get_array());
    if (gone.empty() && added.empty()) return "in another order";
    return absl::StrCat("-", json::serialize(gone), " +", json::serialize(added));
  }
  return absl::StrCat(json::serialize(before), " -> ", json::serialize(after));
}

}  // namespace

absl::StatusOr<PolicyRows> ToRows(const PolicyObjects& objects) {
  PolicyRows rows;
  absl::Status status = AddRows("user", objects.users, rows);
  if (status.ok()) status = AddRows("group", objects.groups, rows);
  if (status.ok()) status = AddRows("role", objects.roles, rows);
  if (status.ok()) status = AddRows("role_binding", objects.bindings, rows);
  if (status.ok()) status = AddRows("token", objects.tokens, rows);
  if (!status.ok()) return status;
  for (const auto& [user, revoked] : objects.revocations) {
    const json::object spec{{"all", revoked.all}, {"passwords", revoked.passwords}};
    rows[{"revocation", user}] = {.spec = json::serialize(spec), .origin = ""};
  }
  return rows;
}

absl::StatusOr<PolicyObjects> FromRows(const PolicyRows& rows) {
  PolicyObjects objects;
  for (const auto& [key, row] : rows) {
    try {
      AddObject(key, row, objects);
    } catch (const std::exception& e) {
      return absl::DataLossError(absl::StrCat("the database's policy object ", key.first, " ",
                                              base::Quote(key.second), " is damaged: ", e.what()));
    }
  }
  return objects;
}

std::string DescribeChange(const std::string& before, const std::string& after) {
  if (before.empty()) return absl::StrCat("new -> ", json::serialize(WithoutSecrets(Parse(after))));
  if (after.empty()) {
    return absl::StrCat(json::serialize(WithoutSecrets(Parse(before))), " -> deleted");
  }
  const json::object old_spec = Parse(before);
  const json::object new_spec = Parse(after);
  // Have the same keys as the specs, with secrets replaced.
  const json::object old_shown = WithoutSecrets(old_spec);
  const json::object new_shown = WithoutSecrets(new_spec);
  std::string text;
  const auto add = [&](json::string_view key) {
    if (At(old_spec, key) == At(new_spec, key)) return;
    absl::StrAppend(&text, text.empty() ? "" : ", ", std::string(key), " ",
                    DescribeValues(At(old_shown, key), At(new_shown, key)));
  };
  for (const auto& field : old_spec) add(field.key());
  for (const auto& field : new_spec) {
    if (!old_spec.contains(field.key())) add(field.key());
  }
  return text;
}

}  // namespace registry::controlplane
