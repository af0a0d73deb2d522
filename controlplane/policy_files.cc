#include "controlplane/policy_files.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/limits.h"
#include "controlplane/passwords.h"
#include "controlplane/policy_fields.h"
#include "controlplane/yaml_reader.h"
#include "oci/error.h"

namespace registry::controlplane {
namespace {

constexpr absl::string_view kCertainlyNoTag =
    "matches no tag, because a tag is asked for as REPOSITORY:TAG; write (:.+)?$ in place of the "
    "final $";

// Reads the documents one by one, then checks what refers to each other.
class Loader {
 public:
  absl::StatusOr<LoadedFiles> Load(absl::Span<const SourceFile> files);

 private:
  // A reference to something that may stand in a later document.
  struct Reference {
    YamlValue value;
    std::string name;
  };
  // A scope of a binding that matches no tag.
  struct UntaggedScope {
    YamlValue value;
    std::string role;
  };

  void ReadDocument(const YamlValue& document);
  // Each takes the name and the field `spec` of a document.
  void ReadUser(const std::string& name, const YamlValue& spec);
  void ReadRole(const std::string& name, const YamlValue& spec);
  void ReadBinding(const std::string& name, const YamlValue& spec);
  void ReadToken(const std::string& name, const YamlValue& spec);
  void ReadCache(const std::string& name, const YamlValue& spec);

  // The name of the document, when it is a good one.
  std::optional<std::string> ReadName(const YamlValue& document, absl::string_view kind);
  // Reports a name that the kind has already.
  void CheckIsNew(absl::string_view kind, absl::string_view name, const YamlValue& value);
  void ReadSubject(const YamlValue& subject, RoleBinding& binding);
  void ReadTokenValue(const YamlValue& value, Token& token);

  void CheckReferences();

  YamlReport report_;
  LoadedFiles loaded_;
  // Of the document that is being read.
  std::string origin_;
  // Some document could not be understood: what is not there may stand in it.
  bool incomplete_ = false;

  // By "KIND/NAME", where it stands. Also of documents with errors: their names exist.
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
  if (kind == "User" && *name != kAnonymous) {
    if (absl::Status status = ValidateUserName(*name); !status.ok()) {
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
  value.Error(absl::StrCat("there is a ", kind, " ", oci::Quote(name), " already, in ",
                           first->second.ToString(), "; rename or remove one"));
}

void Loader::ReadDocument(const YamlValue& document) {
  origin_ = document.place().ToString();
  // Until it is known what the document makes.
  const bool was_incomplete = std::exchange(incomplete_, true);
  if (!document.IsMapOf({"apiVersion", "kind", "metadata", "spec"})) return;
  const YamlValue version_value = document.Field("apiVersion");
  const YamlValue kind_value = document.Required("kind");
  const std::optional<std::string> version = version_value.Text();
  const std::optional<std::string> kind = kind_value.Text();
  if (version.has_value() && *version != kApiVersion) {
    version_value.Error(
        absl::StrCat("is ", oci::Quote(*version), ", which is not known; write ", kApiVersion));
    return;
  }
  // The documentation of the Go original leaves it out here and there.
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
    // A user needs no more than a name.
    const YamlValue spec = *kind == "User" ? document.Field("spec") : document.Required("spec");
    // A document without a good name is read all the same, for its errors.
    (this->*read)(object.value_or(""), spec);
    return;
  }
  kind_value.Error(absl::StrCat("is ", oci::Quote(*kind),
                                ", which is not known; write Configuration, User, Role, "
                                "RoleBinding, Token or PullThroughCache"));
}

void Loader::ReadUser(const std::string& name, const YamlValue& spec) {
  User user{.name = name, .origin = origin_};
  if (spec.IsMapOf({"passwordHash", "groups"})) {
    const YamlValue hash = spec.Field("passwordHash");
    user.password_hash = ReadOptionalText(hash).value_or("");
    if (!user.password_hash.empty()) {
      if (absl::Status status = ValidatePasswordHash(user.password_hash); !status.ok()) {
        hash.Error(absl::StrCat("is an ", status.message()));
      } else if (name == kAnonymous) {
        hash.Warning("has no effect: anonymous is who does not log in");
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
      role.resources.insert(std::begin(kAllResources), std::end(kAllResources));
    } else if (const std::optional<Resource> resource = ParseResource(*text)) {
      role.resources.insert(*resource);
    } else {
      item.Error(absl::StrCat(oci::Quote(*text),
                              " is no resource; write catalog, blobs, manifests, tags or \"*\""));
    }
  }
  for (const YamlValue& item : Items(spec.Required("verbs"), "so the role allows nothing")) {
    const std::optional<std::string> text = item.Text();
    if (!text.has_value()) continue;
    if (*text == "*") {
      role.verbs.insert(std::begin(kAllVerbs), std::end(kAllVerbs));
    } else if (const std::optional<Verb> verb = ParseVerb(absl::StripAsciiWhitespace(*text))) {
      role.verbs.insert(*verb);
    } else {
      item.Error(absl::StrCat(oci::Quote(*text),
                              " is no verb; write GET, HEAD, POST, PUT, PATCH, DELETE or \"*\""));
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
    kind_value.Error(absl::StrCat("is ", oci::Quote(*kind), "; write User or Group"));
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
  // Whoever wrote a scope with a colon that is for tags knows how these are asked for, and may mean
  // the others for blobs, which are asked for by the bare name.
  const bool knows_tags =
      std::any_of(binding.scopes.begin(), binding.scopes.end(), [](const std::string& scope) {
        return absl::StrContains(scope, ':') && !ScopeNeverMatchesTag(scope);
      });
  for (const YamlValue& item : scope_items) {
    if (knows_tags || binding.scopes.size() != scope_items.size()) break;
    if (ScopeNeverMatchesTag(*item.Text())) untagged_scopes_.push_back({item, binding.role});
  }
  loaded_.objects.bindings.push_back(std::move(binding));
}

void Loader::ReadCache(const std::string& name, const YamlValue& spec) {
  loaded_.caches.push_back(ReadPullThroughCache(name, spec));
}

void Loader::ReadTokenValue(const YamlValue& value, Token& token) {
  std::optional<std::string> text = value.Text();
  if (!text.has_value()) return;
  if (text->size() < kMinTokenValueBytes) {
    value.Warning(
        absl::StrCat("is shorter than ", kMinTokenValueBytes,
                     " bytes and can be guessed; generate one with openssl rand -hex 32"));
  }
  if (text->empty()) {
    value.Error("is empty; make one with openssl rand -hex 32");
  } else if (text->size() > base::kMaxTokenBytes) {
    value.Error(absl::StrCat("is longer than ", base::kMaxTokenBytes, " bytes; shorten it"));
  } else if (!IsTokenText(*text)) {
    value.Error("has characters that a header cannot carry; use letters, digits and -._~+/=");
  } else if (const auto [first, is_new] = token_values_.try_emplace(*text, value.place());
             !is_new) {
    value.Error(absl::StrCat("is the value of another Token already, in ", first->second.ToString(),
                             "; make a new one for this"));
  }
  token.value_hash = HashTokenValue(*text);
}

void Loader::ReadToken(const std::string& name, const YamlValue& spec) {
  if (!spec.IsMapOf({"value", "username", "expiresAt"})) return;
  Token token{.name = name, .origin = origin_};
  ReadTokenValue(spec.Required("value"), token);

  const YamlValue user = spec.Required("username");
  if (std::optional<std::string> text = user.Text(); text.has_value()) {
    token.user = *std::move(text);
    if (token.user == kAnonymous) {
      user.Error("is anonymous, who sends no credential; name another user");
    } else {
      token_users_.push_back({user, token.user});
    }
  }

  const YamlValue expiry = spec.Field("expiresAt");
  if (expiry.is_null()) {
    // Not the same as leaving it out: it was to end.
    expiry.Error("is empty; write a time, or leave it out for no end");
  } else if (!expiry.present()) {
    // The Go original takes such tokens for expired ones.
    expiry.Warning("is missing, so the token never ends; give it a time");
  }
  if (const std::optional<std::string> text = expiry.Text(); text.has_value()) {
    token.expires_at_ms = ParseRfc3339(*text);
    if (!token.expires_at_ms.has_value()) {
      expiry.Error(absl::StrCat(
          oci::Quote(*text), " is no time; write one in RFC 3339, such as 2030-01-31T12:00:00Z"));
    } else if (*token.expires_at_ms <= absl::ToUnixMillis(absl::Now())) {
      expiry.Warning("has passed, so the token does not work any more");
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
    value.Error(absl::StrCat("there is no Role ", oci::Quote(name), "; add it or name another"));
  }
  for (const auto& [value, name] : token_users_) {
    if (exists("User", name)) continue;
    value.Error(absl::StrCat("there is no User ", oci::Quote(name), "; add it or name another"));
  }
  for (const auto& [value, name] : user_subjects_) {
    if (exists("User", name)) continue;
    value.Warning(absl::StrCat("there is no User ", oci::Quote(name), " in these files"));
  }
  for (const auto& [value, name] : group_subjects_) {
    if (groups_.contains(name)) continue;
    value.Warning(absl::StrCat("no User is in the group ", oci::Quote(name)));
  }
  // Blobs and the catalog are asked for without a tag anyway.
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
    // Somebody may be about to write it; to take it for nothing would delete what it held.
    if (absl::StripAsciiWhitespace(files[i].content).empty()) {
      report_.Error({.file_index = i, .file = files[i].path}, "",
                    "is empty; write to it, or remove it");
    }
    const bool complete = ReadYaml(i, files[i].path, files[i].content, &report_,
                                   [&](const YamlValue& document) { ReadDocument(document); });
    incomplete_ = incomplete_ || !complete;
  }
  // What is missing may stand where nobody could read it; that would be reported as a second error.
  if (!incomplete_) CheckReferences();
  if (absl::Status status = report_.ToStatus(); !status.ok()) return status;
  loaded_.warnings = report_.Warnings();
  return std::move(loaded_);
}

}  // namespace

absl::StatusOr<LoadedFiles> ParseFiles(absl::Span<const SourceFile> files) {
  return Loader().Load(files);
}

}  // namespace registry::controlplane
