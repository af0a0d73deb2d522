// Parses the arguments of a command: flags with values from the command line and the environment,
// and the words between the flags.
//
//   constexpr FlagName kNames[] = {{"addr", "addr"}, {"certfile", "certfile"}, {"cert",
//   "certfile"}}; const CommandSyntax syntax{.command = "serve", .flags = kNames};
//   absl::StatusOr<Arguments> arguments = ReadArguments(syntax, args, environment);
//
//   -addr :5000   --addr :5000   -addr=:5000   SIMPLE_REGISTRY_ADDR=:5000
//
// For a flag that may be given several times, the variable holds all values, separated by commas.
// A flag wins over its variable. An empty variable counts as not set. Flag names cannot be
// abbreviated. Thread-safe.
#ifndef REGISTRY_APP_CONFIG_ARGUMENTS_H_
#define REGISTRY_APP_CONFIG_ARGUMENTS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace registry::app {

inline constexpr absl::string_view kProgramName = "simple-registry";

// Variables that begin with SIMPLE_REGISTRY_, keyed by their whole name.
using Environment = std::map<std::string, std::string>;

// Selects our variables from `variables`: "NAME=value", ended by nullptr, like `environ`.
Environment RegistryEnvironment(const char* const* variables);

// The values that a flag takes.
enum class FlagKind {
  // One value.
  kValue,
  // One value each time; may be given several times.
  kValues,
  // true or false; the flag alone means true.
  kBoolean,
  // No value; the flag is present or absent. It has no variable.
  kSwitch,
};

// A spelling of a flag, and the flag that it names.
struct FlagName {
  absl::string_view written;
  absl::string_view flag;
  FlagKind kind = FlagKind::kValue;
};

struct CommandSyntax {
  // Named in errors.
  absl::string_view command;
  absl::Span<const FlagName> flags;
  // If false, words that are not flags are errors.
  bool takes_words = false;
};

// A flag that was given.
struct Setting {
  // "flag -addr", "variable SIMPLE_REGISTRY_ADDR".
  std::string source;
  // In the order given: several only for kValues, none for kSwitch.
  std::vector<std::string> values;

  const std::string& value() const { return values.front(); }
};

// By flag.
using Settings = std::map<std::string, Setting, std::less<>>;

struct Arguments {
  Settings settings;
  std::vector<std::string> words;
};

// Error of both: INVALID_ARGUMENT, one sentence that names the flag or variable and the remedy. Of
// an unknown flag or variable it shows only the name: the value may be a secret.
absl::StatusOr<Arguments> ReadArguments(const CommandSyntax& syntax,
                                        absl::Span<const char* const> args);
absl::StatusOr<Settings> ReadEnvironment(const CommandSyntax& syntax,
                                         const Environment& environment);

// Warnings about SIMPLE_REGISTRY_ variables that name no flag of the command.
std::vector<std::string> UnknownVariables(const CommandSyntax& syntax,
                                          const Environment& environment);

// The error "WHY; see 'simple-registry help COMMAND'".
absl::Status WrongArguments(const CommandSyntax& syntax, absl::string_view why);

}  // namespace registry::app

#endif  // REGISTRY_APP_CONFIG_ARGUMENTS_H_
