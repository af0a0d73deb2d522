#include "app/flags.h"

#include <re2/re2.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "app/help.h"
#include "controlplane/policy.h"
#include "oci/error.h"

namespace registry::app {
namespace {

namespace po = boost::program_options;

constexpr absl::string_view kVariablePrefix = "SIMPLE_REGISTRY_";

// A way to write a flag, and the flag it is.
struct Name {
  absl::string_view written;
  absl::string_view flag;
};
constexpr Name kNames[] = {
    {"addr", "addr"},
    {"datadir", "datadir"},
    {"adminname", "adminname"},
    {"adminpwd", "adminpwd"},
    {"adminpwdfile", "adminpwdfile"},
    {"certfile", "certfile"},
    {"cert", "certfile"},
    {"keyfile", "keyfile"},
    {"key", "keyfile"},
    {"sparse", "sparse"},
    {"cfgdir", "cfgdir"},
    {"tokensecret", "tokensecret"},
    {"ui", "ui"},
    {"tokentimeout", "tokentimeout"},
    {"tokensecretfile", "tokensecretfile"},
};

constexpr absl::string_view kFolders = "cfgdir";

// Empty when there is none of that name.
absl::string_view FlagOf(absl::string_view written) {
  for (const Name& name : kNames) {
    if (name.written == written) return name.flag;
  }
  return "";
}

std::string VariableOf(absl::string_view written) {
  return absl::StrCat(kVariablePrefix, absl::AsciiStrToUpper(written));
}

absl::Status Wrong(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(why, "; see '", kProgramName, " help serve'"));
}

// A value and where it came from: "flag -addr", "variable SIMPLE_REGISTRY_ADDR".
struct Setting {
  std::string source;
  std::string value;
  // Of -cfgdir, which may be given again.
  std::vector<std::string> more = {};
};
// By flag.
using Settings = std::map<std::string, Setting, std::less<>>;

// "-addr=x" is "addr".
absl::string_view NameIn(absl::string_view token) {
  token = token.substr(0, token.find('='));
  if (!absl::ConsumePrefix(&token, "--")) absl::ConsumePrefix(&token, "-");
  return token;
}

bool IsFlagToken(absl::string_view token) {
  return absl::StartsWith(token, "-") && !FlagOf(NameIn(token)).empty();
}

absl::Status NoValue(absl::string_view written) {
  return Wrong(absl::StrCat("flag -", written, " has no value"));
}

absl::Status Add(absl::string_view written, absl::string_view source, absl::string_view value,
                 Settings& settings) {
  const auto [entry, added] = settings.try_emplace(
      std::string(FlagOf(written)), Setting{std::string(source), std::string(value)});
  if (added) return absl::OkStatus();
  if (FlagOf(written) == kFolders) {
    entry->second.more.emplace_back(value);
    return absl::OkStatus();
  }
  if (entry->second.source == source) {
    return Wrong(absl::StrCat(source, " is given twice"));
  }
  return Wrong(absl::StrCat(entry->second.source, " and ", source, " are the same: give one"));
}

absl::StatusOr<std::vector<po::option>> Tokenize(absl::Span<const char* const> args) {
  po::options_description description;
  for (const Name& name : kNames) {
    description.add_options()(std::string(name.written).c_str(), po::value<std::string>());
  }
  using namespace po::command_line_style;  // NOLINT: the flags of its enum
  try {
    return po::command_line_parser(std::vector<std::string>(args.begin(), args.end()))
        .options(description)
        .style(allow_long | allow_long_disguise | long_allow_adjacent | long_allow_next)
        // They get our own message.
        .allow_unregistered()
        .run()
        .options;
  } catch (const po::invalid_command_line_syntax& e) {
    return NoValue(NameIn(e.get_option_name()));
  } catch (const po::error& e) {
    return Wrong(absl::StrCat("the flags cannot be read: ", e.what()));
  }
}

absl::StatusOr<Settings> ReadArguments(absl::Span<const char* const> args) {
  absl::StatusOr<std::vector<po::option>> options = Tokenize(args);
  if (!options.ok()) return options.status();
  Settings settings;
  for (const po::option& option : *options) {
    const std::string& token = option.original_tokens.front();
    if (option.unregistered || option.position_key >= 0) {
      if (absl::StartsWith(token, "-") && token != "-") {
        // Without what follows the name: it may be a secret.
        return Wrong(absl::StrCat("unknown flag ",
                                  oci::Quote(absl::string_view(token).substr(0, token.find('=')))));
      }
      return Wrong(absl::StrCat("unexpected word ", oci::Quote(token),
                                ": serve takes flags and their values only"));
    }
    // "-adminpwd -datadir x": a value that begins so must be written "-adminpwd=-datadir".
    const bool separate = option.original_tokens.size() > 1;
    if (separate && IsFlagToken(option.value.front())) return NoValue(option.string_key);
    absl::Status status = Add(option.string_key, absl::StrCat("flag -", option.string_key),
                              option.value.front(), settings);
    if (!status.ok()) return status;
  }
  return settings;
}

absl::StatusOr<Settings> ReadEnvironment(const Environment& environment) {
  Settings settings;
  for (const Name& name : kNames) {
    const std::string variable = VariableOf(name.written);
    const auto found = environment.find(variable);
    if (found == environment.end() || found->second.empty()) continue;
    absl::Status status =
        Add(name.written, absl::StrCat("variable ", variable), found->second, settings);
    if (!status.ok()) return status;
  }
  return settings;
}

// Kubernetes describes a service named simple-registry to each container by such variables.
bool IsOfKubernetes(absl::string_view variable) {
  absl::ConsumePrefix(&variable, kVariablePrefix);
  return absl::StartsWith(variable, "SERVICE_") || variable == "PORT" ||
         absl::StartsWith(variable, "PORT_");
}

std::vector<std::string> UnknownVariables(const Environment& environment) {
  std::vector<std::string> warnings;
  for (const auto& [variable, value] : environment) {
    const bool known = std::any_of(std::begin(kNames), std::end(kNames), [&](const Name& name) {
      return VariableOf(name.written) == variable;
    });
    if (known || IsOfKubernetes(variable)) continue;
    warnings.push_back(absl::StrCat("variable ", variable, " is no flag's and has no effect; see '",
                                    kProgramName, " help serve'"));
  }
  return warnings;
}

// The password may come in two ways, of which arguments choose one against the environment's.
Settings Merge(Settings arguments, Settings environment) {
  if (arguments.contains("adminpwd") || arguments.contains("adminpwdfile")) {
    environment.erase("adminpwd");
    environment.erase("adminpwdfile");
  }
  arguments.merge(environment);
  return arguments;
}

absl::Status CheckCombination(const Settings& settings) {
  const auto password = settings.find("adminpwd");
  const auto password_file = settings.find("adminpwdfile");
  if (password != settings.end() && password_file != settings.end()) {
    return Wrong(absl::StrCat(password->second.source, " and ", password_file->second.source,
                              " exclude each other: give one"));
  }
  if (password == settings.end() && password_file == settings.end() &&
      !settings.contains(kFolders)) {
    return Wrong(
        "the administrator has no password: give -adminpwdfile FILE or -adminpwd PASSWORD, or "
        "users with -cfgdir DIR");
  }
  const auto secret = settings.find("tokensecret");
  const auto secret_file = settings.find("tokensecretfile");
  if (secret != settings.end() && secret_file != settings.end()) {
    return Wrong(absl::StrCat(secret->second.source, " and ", secret_file->second.source,
                              " exclude each other: give one"));
  }
  const auto cert = settings.find("certfile");
  const auto key = settings.find("keyfile");
  if (cert != settings.end() && key == settings.end()) {
    return Wrong(
        absl::StrCat(cert->second.source, " needs the key of the certificate: give -keyfile"));
  }
  if (key != settings.end() && cert == settings.end()) {
    return Wrong(absl::StrCat(key->second.source, " needs its certificate: give -certfile"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ServeFlags> Convert(const Settings& settings) {
  ServeFlags flags;
  std::string* const texts[] = {
      &flags.data_dir,         &flags.admin_name, &flags.admin_password, &flags.admin_password_file,
      &flags.cert_file,        &flags.key_file,   &flags.sparse,         &flags.token_secret,
      &flags.token_secret_file};
  constexpr absl::string_view kTextFlags[] = {"datadir",      "adminname",   "adminpwd",
                                              "adminpwdfile", "certfile",    "keyfile",
                                              "sparse",       "tokensecret", "tokensecretfile"};
  for (size_t i = 0; i < std::size(texts); ++i) {
    const auto found = settings.find(kTextFlags[i]);
    if (found == settings.end()) continue;
    if (found->second.value.empty()) {
      return Wrong(absl::StrCat(found->second.source, " has an empty value"));
    }
    *texts[i] = found->second.value;
  }
  if (const auto found = settings.find("addr"); found != settings.end()) {
    absl::StatusOr<HostPort> address = HostPort::Parse(found->second.value);
    if (!address.ok()) {
      return Wrong(absl::StrCat(found->second.source, ": invalid address ",
                                oci::Quote(found->second.value), ": ", address.status().message()));
    }
    flags.address = *std::move(address);
  }
  if (const re2::RE2 sparse(flags.sparse, re2::RE2::Quiet); !sparse.ok()) {
    return Wrong(absl::StrCat(settings.find("sparse")->second.source, ": ",
                              oci::Quote(flags.sparse),
                              " is not a regular expression: ", sparse.error()));
  }
  if (const auto found = settings.find(kFolders); found != settings.end()) {
    flags.config_folders = {found->second.value};
    for (const std::string& folder : found->second.more) flags.config_folders.push_back(folder);
  }
  if (const auto found = settings.find("tokentimeout"); found != settings.end()) {
    const std::optional<std::chrono::seconds> timeout = ParseTimeout(found->second.value);
    if (!timeout) {
      return Wrong(absl::StrCat(found->second.source, ": ", oci::Quote(found->second.value),
                                " is neither a number of seconds nor a duration such as 5m"));
    }
    flags.token_timeout = *timeout;
  }
  if (const auto found = settings.find("ui"); found != settings.end()) {
    if (!absl::SimpleAtob(found->second.value, &flags.ui)) {
      return Wrong(absl::StrCat(found->second.source, ": ", oci::Quote(found->second.value),
                                " is neither true nor false"));
    }
  }
  for (const auto& [flag, setting] : settings) flags.given.insert(flag);
  if (flags.admin_name == controlplane::kAnonymous) {
    return Wrong(absl::StrCat(settings.find("adminname")->second.source, ": ",
                              oci::Quote(flags.admin_name),
                              " stands for clients that do not log in"));
  }
  if (absl::Status status = controlplane::ValidateUserName(flags.admin_name); !status.ok()) {
    return Wrong(absl::StrCat(settings.find("adminname")->second.source, ": ", status.message()));
  }
  return flags;
}

}  // namespace

std::optional<std::chrono::seconds> ParseTimeout(absl::string_view text) {
  constexpr int64_t kMaxSeconds = 365 * 24 * 3600;
  int64_t seconds = 0;
  absl::Duration duration;
  if (absl::SimpleAtoi(text, &seconds)) {
    duration = absl::Seconds(seconds);
  } else if (!absl::ParseDuration(text, &duration)) {
    return std::nullopt;
  }
  if (duration <= absl::ZeroDuration() || duration > absl::Seconds(kMaxSeconds)) {
    return std::nullopt;
  }
  return std::chrono::seconds(absl::ToInt64Seconds(duration));
}

absl::StatusOr<std::vector<std::string>> ParseCheckFlags(absl::Span<const char* const> args,
                                                         const Environment& environment) {
  absl::StatusOr<Settings> settings = ReadArguments(args);
  if (!settings.ok()) return settings.status();
  for (const auto& [flag, setting] : *settings) {
    if (flag != kFolders) {
      return Wrong(absl::StrCat("check takes -cfgdir only, not ", setting.source));
    }
  }
  absl::StatusOr<Settings> variables = ReadEnvironment(environment);
  if (!variables.ok()) return variables.status();
  settings->merge(*variables);
  const auto found = settings->find(kFolders);
  if (found == settings->end()) return Wrong("check needs -cfgdir DIR");
  std::vector<std::string> folders = {found->second.value};
  folders.insert(folders.end(), found->second.more.begin(), found->second.more.end());
  return folders;
}

Environment RegistryEnvironment(const char* const* variables) {
  Environment environment;
  for (; *variables != nullptr; ++variables) {
    const std::pair<std::string, std::string> variable =
        absl::StrSplit(*variables, absl::MaxSplits('=', 1));
    if (absl::StartsWith(variable.first, kVariablePrefix)) environment.insert(variable);
  }
  return environment;
}

absl::StatusOr<ServeFlags> ParseServeFlags(absl::Span<const char* const> args,
                                           const Environment& environment) {
  absl::StatusOr<Settings> arguments = ReadArguments(args);
  if (!arguments.ok()) return arguments.status();
  absl::StatusOr<Settings> variables = ReadEnvironment(environment);
  if (!variables.ok()) return variables.status();
  const Settings settings = Merge(*std::move(arguments), *std::move(variables));
  absl::StatusOr<ServeFlags> flags = Convert(settings);
  if (!flags.ok()) return flags.status();
  if (absl::Status status = CheckCombination(settings); !status.ok()) return status;
  flags->warnings = UnknownVariables(environment);
  return flags;
}

}  // namespace registry::app
