#include "app/config/arguments.h"

#include <algorithm>
#include <boost/program_options.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/quote.h"

namespace registry::app {
namespace {

namespace po = boost::program_options;

constexpr absl::string_view kVariablePrefix = "SIMPLE_REGISTRY_";

// nullptr if the command has no such flag.
const FlagName* FindFlag(const CommandSyntax& syntax, absl::string_view written) {
  for (const FlagName& name : syntax.flags) {
    if (name.written == written) return &name;
  }
  return nullptr;
}

std::string VariableOf(const FlagName& name) {
  return absl::StrCat(kVariablePrefix, absl::AsciiStrToUpper(name.written));
}

// "-addr=x" is "addr".
absl::string_view NameIn(absl::string_view token) {
  token = token.substr(0, token.find('='));
  if (!absl::ConsumePrefix(&token, "--")) absl::ConsumePrefix(&token, "-");
  return token;
}

bool LooksLikeFlag(absl::string_view token) { return absl::StartsWith(token, "-") && token != "-"; }

absl::Status NoValue(const CommandSyntax& syntax, absl::string_view written) {
  return WrongArguments(syntax, absl::StrCat("flag -", written, " has no value"));
}

absl::Status Add(const CommandSyntax& syntax, const FlagName& name, absl::string_view source,
                 const std::vector<std::string>& values, Settings& settings) {
  const auto [entry, added] =
      settings.try_emplace(std::string(name.flag), Setting{std::string(source), values});
  if (added) return absl::OkStatus();
  if (name.kind == FlagKind::kValues) {
    entry->second.values.insert(entry->second.values.end(), values.begin(), values.end());
    return absl::OkStatus();
  }
  if (entry->second.source == source) {
    return WrongArguments(syntax, absl::StrCat(source, " is given twice"));
  }
  return WrongArguments(
      syntax, absl::StrCat(entry->second.source, " and ", source, " are the same flag: give one"));
}

absl::StatusOr<std::vector<po::option>> Tokenize(const CommandSyntax& syntax,
                                                 absl::Span<const char* const> args) {
  po::options_description description;
  for (const FlagName& name : syntax.flags) {
    auto* value = po::value<std::string>();
    if (name.kind == FlagKind::kSwitch) value->zero_tokens();
    if (name.kind == FlagKind::kBoolean) value->implicit_value("true");
    description.add_options()(std::string(name.written).c_str(), value);
  }
  using namespace po::command_line_style;  // NOLINT: the flags of its enum
  try {
    return po::command_line_parser(std::vector<std::string>(args.begin(), args.end()))
        .options(description)
        .style(allow_long | allow_long_disguise | long_allow_adjacent | long_allow_next)
        // ReadArguments reports them with its own message.
        .allow_unregistered()
        .run()
        .options;
  } catch (const po::invalid_command_line_syntax& e) {
    const FlagName* name = FindFlag(syntax, NameIn(e.get_option_name()));
    if (name != nullptr && name->kind == FlagKind::kSwitch) {
      return WrongArguments(syntax, absl::StrCat("flag -", name->written, " takes no value"));
    }
    return NoValue(syntax, NameIn(e.get_option_name()));
  } catch (const po::error& e) {
    return WrongArguments(syntax, absl::StrCat("cannot parse the flags: ", e.what()));
  }
}

// Kubernetes sets such variables in each container for a service named simple-registry.
bool IsOfKubernetes(absl::string_view variable) {
  absl::ConsumePrefix(&variable, kVariablePrefix);
  return absl::StartsWith(variable, "SERVICE_") || variable == "PORT" ||
         absl::StartsWith(variable, "PORT_");
}

}  // namespace

absl::Status WrongArguments(const CommandSyntax& syntax, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat(why, "; see '", kProgramName, " help ", syntax.command, "'"));
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

absl::StatusOr<Arguments> ReadArguments(const CommandSyntax& syntax,
                                        absl::Span<const char* const> args) {
  absl::StatusOr<std::vector<po::option>> options = Tokenize(syntax, args);
  if (!options.ok()) return options.status();
  Arguments arguments;
  for (const po::option& option : *options) {
    const std::string& token = option.original_tokens.front();
    if (option.unregistered || option.position_key >= 0) {
      if (LooksLikeFlag(token)) {
        return WrongArguments(
            syntax, absl::StrCat("unknown flag ",
                                 base::Quote(absl::string_view(token).substr(0, token.find('=')))));
      }
      if (!syntax.takes_words) {
        return WrongArguments(
            syntax, absl::StrCat("unexpected word ", base::Quote(token), ": ", syntax.command,
                                 " takes only flags and their values"));
      }
      arguments.words.push_back(token);
      continue;
    }
    // "-adminpwd -datadir x": a value that begins with a dash needs "=", "-adminpwd=-datadir".
    const bool separate = option.original_tokens.size() > 1;
    if (separate && LooksLikeFlag(option.value.front()) &&
        FindFlag(syntax, NameIn(option.value.front())) != nullptr) {
      return NoValue(syntax, option.string_key);
    }
    const FlagName& flag = *FindFlag(syntax, option.string_key);
    std::vector<std::string> values = option.value;
    if (flag.kind == FlagKind::kBoolean && values.empty()) values = {"true"};
    absl::Status status =
        Add(syntax, flag, absl::StrCat("flag -", option.string_key), values, arguments.settings);
    if (!status.ok()) return status;
  }
  return arguments;
}

absl::StatusOr<Settings> ReadEnvironment(const CommandSyntax& syntax,
                                         const Environment& environment) {
  Settings settings;
  for (const FlagName& name : syntax.flags) {
    if (name.kind == FlagKind::kSwitch) continue;
    const std::string variable = VariableOf(name);
    const auto found = environment.find(variable);
    if (found == environment.end() || found->second.empty()) continue;
    std::vector<std::string> values = {found->second};
    if (name.kind == FlagKind::kValues) {
      values = absl::StrSplit(found->second, ',', absl::SkipWhitespace());
      for (std::string& value : values) absl::StripAsciiWhitespace(&value);
      if (values.empty()) continue;
    }
    absl::Status status = Add(syntax, name, absl::StrCat("variable ", variable), values, settings);
    if (!status.ok()) return status;
  }
  return settings;
}

std::vector<std::string> UnknownVariables(const CommandSyntax& syntax,
                                          const Environment& environment) {
  std::vector<std::string> warnings;
  for (const auto& entry : environment) {
    // Not a structured binding: Clang 14, which builds the fuzz targets, cannot capture those.
    const std::string& variable = entry.first;
    const bool known =
        std::any_of(syntax.flags.begin(), syntax.flags.end(),
                    [&](const FlagName& name) { return VariableOf(name) == variable; });
    if (known || IsOfKubernetes(variable)) continue;
    warnings.push_back(absl::StrCat("variable ", variable,
                                    " names no flag and has no effect; see '", kProgramName,
                                    " help ", syntax.command, "'"));
  }
  return warnings;
}

}  // namespace registry::app
