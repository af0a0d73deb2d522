// The arguments of a command: flags with their values from the command line and the environment,
// and the words between them.
//
//   constexpr FlagName kNames[] = {{"addr", "addr"}, {"certfile", "certfile"}, {"cert",
//   "certfile"}}; const CommandSyntax syntax{.command = "serve", .flags = kNames};
//   absl::StatusOr<Arguments> arguments = ReadArguments(syntax, args, environment);
//
//   -addr :5000   --addr :5000   -addr=:5000   SIMPLE_REGISTRY_ADDR=:5000
//
// The variable of a flag that may be given several times holds all its values, with commas between.
// A flag wins over its variable. An empty variable counts as not set. Names are never guessed from
// a prefix. Thread-safe.
#ifndef REGISTRY_APP_ARGUMENTS_H_
#define REGISTRY_APP_ARGUMENTS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace registry::app {

// Variables that begin with SIMPLE_REGISTRY_, by their whole name.
using Environment = std::map<std::string, std::string>;

// The part of `variables` ("NAME=value", ended by nullptr, like `environ`) that is for us.
Environment RegistryEnvironment(const char* const* variables);

// What may follow the name of a flag.
enum class FlagKind {
  // One value.
  kValue,
  // One value each time; may be given several times.
  kValues,
  // true or false; alone it means true.
  kBoolean,
  // Nothing: it is given or not. No variable stands in for it.
  kSwitch,
};

// A way to write a flag, and the flag it is.
struct FlagName {
  absl::string_view written;
  absl::string_view flag;
  FlagKind kind = FlagKind::kValue;
};

struct CommandSyntax {
  // For errors.
  absl::string_view command;
  absl::Span<const FlagName> flags;
  // Words that are no flags are an error without it.
  bool takes_words = false;
};

// A flag that was given.
struct Setting {
  // "flag -addr", "variable SIMPLE_REGISTRY_ADDR".
  std::string source;
  // In their order; more than one only for kValues, none for kSwitch.
  std::vector<std::string> values;

  const std::string& value() const { return values.front(); }
};

// By flag.
using Settings = std::map<std::string, Setting, std::less<>>;

struct Arguments {
  Settings settings;
  std::vector<std::string> words;
};

// Both errors: INVALID_ARGUMENT with one sentence that names the flag or variable and the remedy,
// and of what it does not know only the name: what follows may be a secret.
absl::StatusOr<Arguments> ReadArguments(const CommandSyntax& syntax,
                                        absl::Span<const char* const> args);
absl::StatusOr<Settings> ReadEnvironment(const CommandSyntax& syntax,
                                         const Environment& environment);

// Warnings about variables that look like flags of a command and are none.
std::vector<std::string> UnknownVariables(const CommandSyntax& syntax,
                                          const Environment& environment);

// The error "WHY; see 'simple-registry help COMMAND'".
absl::Status WrongArguments(const CommandSyntax& syntax, absl::string_view why);

}  // namespace registry::app

#endif  // REGISTRY_APP_ARGUMENTS_H_
