#include "app/admin/arguments.h"

#include <algorithm>
#include <memory>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "app/admin/message_fields.h"
#include "base/quote.h"

namespace registry::app::admin {
namespace {

constexpr FlagName kTargetFlags[] = {
    {"datadir", "datadir"},
    {"server", "server"},
    {"clientcertfile", "clientcertfile"},
    {"clientkeyfile", "clientkeyfile"},
    {"servercafile", "servercafile"},
};

constexpr FlagName kFlags[] = {
    {"datadir", "datadir"},
    {"server", "server"},
    {"clientcertfile", "clientcertfile"},
    {"clientkeyfile", "clientkeyfile"},
    {"servercafile", "servercafile"},
    {"o", "output"},
    {"output", "output"},
    {"limit", "limit"},
    {"password", "password", FlagKind::kSwitch},
    {"nopassword", "nopassword", FlagKind::kSwitch},
    {"valuestdin", "valuestdin", FlagKind::kSwitch},
    {"user", "user"},
    {"expires", "expires"},
    {"role", "role"},
    {"groups", "groups", FlagKind::kValues},
    {"addgroups", "addgroups", FlagKind::kValues},
    {"removegroups", "removegroups", FlagKind::kValues},
    {"members", "members", FlagKind::kValues},
    {"addmembers", "addmembers", FlagKind::kValues},
    {"removemembers", "removemembers", FlagKind::kValues},
    {"resources", "resources", FlagKind::kValues},
    {"addresources", "addresources", FlagKind::kValues},
    {"removeresources", "removeresources", FlagKind::kValues},
    {"verbs", "verbs", FlagKind::kValues},
    {"addverbs", "addverbs", FlagKind::kValues},
    {"removeverbs", "removeverbs", FlagKind::kValues},
    {"subjects", "subjects", FlagKind::kValues},
    {"addsubjects", "addsubjects", FlagKind::kValues},
    {"removesubjects", "removesubjects", FlagKind::kValues},
    {"scopes", "scopes", FlagKind::kValues},
    {"addscopes", "addscopes", FlagKind::kValues},
    {"removescopes", "removescopes", FlagKind::kValues},
};

constexpr CommandSyntax kSyntax = {.command = "admin", .flags = kFlags, .takes_words = true};
constexpr CommandSyntax kVariables = {.command = "admin", .flags = kTargetFlags};

// A command, and how many words follow it.
struct Command {
  absl::string_view name;
  // True if it follows a resource type, as in "users list"; false for "explain" and the like.
  bool of_type;
  size_t min_words;
  size_t max_words;
  // The name of the words in errors.
  absl::string_view words;
};
constexpr size_t kManyWords = 1000;
constexpr Command kCommands[] = {
    {"list", true, 0, 0, ""},
    {"get", true, 1, kManyWords, "NAME..."},
    {"create", true, 1, 1, "NAME"},
    {"update", true, 1, 1, "NAME"},
    {"delete", true, 1, kManyWords, "NAME..."},
    {"revoke", true, 1, kManyWords, "NAME..."},
    {"explain", false, 2, 3, "SUBJECT ACTION [REPOSITORY[:TAG|@DIGEST]]"},
    {"reload", false, 0, 0, ""},
    {"audit", false, 0, 0, ""},
};

// "users create", "explain".
std::string NameOf(const AdminArguments& arguments) {
  return arguments.type == nullptr ? arguments.command
                                   : absl::StrCat(arguments.type->word, " ", arguments.command);
}

std::set<std::string> AllowedFlags(const AdminArguments& arguments) {
  std::set<std::string> allowed = {"output"};
  const std::string& command = arguments.command;
  if (command == "audit") allowed.insert("limit");
  if (command != "create" && command != "update") return allowed;
  for (const FieldFlag& field : arguments.type->flags) {
    // A token's user cannot change.
    if (command == "update" && field.flag == "user") continue;
    allowed.insert(std::string(field.flag));
    if (command == "create") continue;
    allowed.insert(absl::StrCat("add", field.flag));
    allowed.insert(absl::StrCat("remove", field.flag));
  }
  if (arguments.type->word == "users") {
    allowed.insert("nopassword");
    if (command == "update") allowed.insert("password");
  }
  if (arguments.type->word == "tokens" && command == "create") allowed.insert("valuestdin");
  return allowed;
}

// Shortens "users/bob" to "bob".
absl::Status ShortenNames(AdminArguments& arguments) {
  for (std::string& word : arguments.words) {
    const std::string prefix = absl::StrCat(arguments.type->collection, "/");
    if (absl::StartsWith(word, prefix)) word.erase(0, prefix.size());
    if (word.empty())
      return WrongAdminArguments(absl::StrCat(NameOf(arguments), ": a NAME is empty"));
  }
  return absl::OkStatus();
}

// Takes the command from the front of the words.
absl::Status ReadCommand(std::vector<std::string> words, AdminArguments& arguments) {
  if (words.empty()) {
    return WrongAdminArguments(
        "no command given: write users, groups, roles, bindings, tokens, explain, reload or "
        "audit");
  }
  arguments.type = FindResourceType(words[0]);
  if (arguments.type != nullptr) {
    words.erase(words.begin());
    if (words.empty()) {
      return WrongAdminArguments(
          absl::StrCat(arguments.type->word, ": write list, get, create, update or delete"));
    }
  }
  const Command* command =
      std::find_if(std::begin(kCommands), std::end(kCommands), [&](const Command& candidate) {
        return candidate.name == words[0] && candidate.of_type == (arguments.type != nullptr);
      });
  const bool is_known = command != std::end(kCommands) &&
                        (command->name != "revoke" || arguments.type->word == "users");
  if (!is_known) {
    return WrongAdminArguments(absl::StrCat(
        "unknown command ", base::Quote(arguments.type == nullptr
                                            ? words[0]
                                            : absl::StrCat(arguments.type->word, " ", words[0]))));
  }
  arguments.command = std::string(command->name);
  words.erase(words.begin());
  if (words.size() < command->min_words || words.size() > command->max_words) {
    return WrongAdminArguments(
        command->words.empty()
            ? absl::StrCat(NameOf(arguments), ": unexpected word ", base::Quote(words[0]))
            : absl::StrCat(NameOf(arguments), " takes ", command->words, ", not ", words.size(),
                           words.size() == 1 ? " word" : " words"));
  }
  arguments.words = std::move(words);
  return arguments.type == nullptr ? absl::OkStatus() : ShortenNames(arguments);
}

// Removes the flag from the settings and returns its value.
std::string Take(absl::string_view flag, Settings& settings) {
  const auto found = settings.find(flag);
  if (found == settings.end()) return "";
  std::string value = found->second.value();
  settings.erase(found);
  return value;
}

absl::Status ReadTarget(Settings& settings, Target& target) {
  const bool has_server = settings.contains("server");
  for (const char* file : {"clientcertfile", "clientkeyfile", "servercafile"}) {
    if (has_server == settings.contains(file)) continue;
    return WrongAdminArguments(
        has_server ? absl::StrCat("-server needs mutual TLS: give -clientcertfile, -clientkeyfile "
                                  "and -servercafile; -",
                                  file, " is missing")
                   : absl::StrCat("-", file, " has no effect without -server"));
  }
  if (const std::string folder = Take("datadir", settings); !folder.empty()) {
    target.data_dir = folder;
  }
  const std::string server = Take("server", settings);
  target.client_cert_file = Take("clientcertfile", settings);
  target.client_key_file = Take("clientkeyfile", settings);
  target.server_ca_file = Take("servercafile", settings);
  if (server.empty()) return absl::OkStatus();
  absl::StatusOr<HostPort> address = HostPort::Parse(server);
  if (!address.ok() || address->host.empty()) {
    return WrongAdminArguments(absl::StrCat("-server: ", base::Quote(server), " is not HOST:PORT"));
  }
  target.server = *std::move(address);
  return absl::OkStatus();
}

absl::Status ReadOutput(Settings& settings, AdminArguments& arguments) {
  const std::string output = Take("output", settings);
  arguments.json = output == "json";
  if (output.empty() || output == "table" || output == "json") return absl::OkStatus();
  return WrongAdminArguments(
      absl::StrCat("-o: ", base::Quote(output), " is neither table nor json"));
}

absl::Status ReadLimit(Settings& settings, AdminArguments& arguments) {
  const std::string limit = Take("limit", settings);
  if (limit.empty()) return absl::OkStatus();
  if (absl::SimpleAtoi(limit, &arguments.limit) && arguments.limit > 0) return absl::OkStatus();
  return WrongAdminArguments(
      absl::StrCat("-limit: ", base::Quote(limit), " is not a number of at least 1"));
}

// Checks that required flags are given and that values fit their fields.
absl::Status CheckFields(const AdminArguments& arguments) {
  if (arguments.type == nullptr) return absl::OkStatus();
  const std::unique_ptr<google::protobuf::Message> scratch = NewMessage(arguments.type->singular);
  for (const FieldFlag& flag : arguments.type->flags) {
    if (arguments.command == "create" && flag.is_required &&
        !arguments.settings.contains(flag.flag)) {
      return WrongAdminArguments(absl::StrCat(NameOf(arguments), " needs -", flag.flag));
    }
    for (const absl::string_view prefix : {"", "add", "remove"}) {
      const auto found = arguments.settings.find(absl::StrCat(prefix, flag.flag));
      if (found == arguments.settings.end()) continue;
      const absl::Status status = EditField(flag, Edit::kSet, found->second.values, *scratch);
      if (!status.ok()) return WrongAdminArguments(status.message());
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFlags(const AdminArguments& arguments) {
  const std::set<std::string> allowed = AllowedFlags(arguments);
  for (const auto& [flag, setting] : arguments.settings) {
    if (allowed.contains(flag)) continue;
    return WrongAdminArguments(absl::StrCat(NameOf(arguments), " takes no -", flag));
  }
  if (arguments.command == "update" && arguments.settings.empty()) {
    return WrongAdminArguments(absl::StrCat(NameOf(arguments), ": nothing to change; give a flag"));
  }
  if (arguments.settings.contains("password") && arguments.settings.contains("nopassword")) {
    return WrongAdminArguments("-password and -nopassword exclude each other: give one");
  }
  return CheckFields(arguments);
}

}  // namespace

absl::Status WrongAdminArguments(absl::string_view why) { return WrongArguments(kSyntax, why); }

absl::StatusOr<AdminArguments> ParseAdminArguments(absl::Span<const char* const> args,
                                                   const Environment& environment) {
  absl::StatusOr<Arguments> given = ReadArguments(kSyntax, args);
  if (!given.ok()) return given.status();
  absl::StatusOr<Settings> variables = ReadEnvironment(kVariables, environment);
  if (!variables.ok()) return variables.status();
  if (given->settings.contains("datadir") && given->settings.contains("server")) {
    return WrongAdminArguments("-datadir and -server exclude each other: give one");
  }
  // -datadir asks for the socket, so variables for TCP do not apply.
  if (given->settings.contains("datadir") && !given->settings.contains("server")) {
    variables->clear();
  }
  AdminArguments arguments;
  arguments.settings = std::move(given->settings);
  arguments.settings.merge(*variables);
  absl::Status status = ReadTarget(arguments.settings, arguments.target);
  if (status.ok()) status = ReadOutput(arguments.settings, arguments);
  if (status.ok()) status = ReadCommand(std::move(given->words), arguments);
  if (status.ok()) status = CheckFlags(arguments);
  if (status.ok()) status = ReadLimit(arguments.settings, arguments);
  if (!status.ok()) return status;
  return arguments;
}

}  // namespace registry::app::admin
