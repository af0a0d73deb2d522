// YAML files of configuration and access policy.

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "app/config/files.h"
#include "controlplane/access/tokens.h"
#include "controlplane/passwords.h"
#include "tests/fuzz/check.h"

namespace registry::app {
namespace {

// Messages are for people: lines of text that name the place.
void CheckMessage(absl::string_view message) {
  size_t lines = 0;
  for (absl::string_view line : absl::StrSplit(message, '\n')) {
    FUZZ_CHECK(base::IsUtf8Text(line));
    FUZZ_CHECK(std::none_of(line.begin(), line.end(),
                            [](unsigned char c) { return c < 0x20 || c == 0x7f; }));
    FUZZ_CHECK(absl::StartsWith(line, "fuzz.yaml:") || absl::StartsWith(line, "and "));
    FUZZ_CHECK(line.size() < 64 * 1024);
    ++lines;
  }
  FUZZ_CHECK(lines <= 21);
}

void CheckObjects(const controlplane::PolicyObjects& objects) {
  for (const controlplane::User& user : objects.users) {
    FUZZ_CHECK(user.name == controlplane::kAnonymous ||
               controlplane::ValidateUserName(user.name).ok());
    FUZZ_CHECK(user.password_hash.empty() ||
               controlplane::ValidatePasswordHash(user.password_hash).ok());
  }
  for (const controlplane::RoleBinding& binding : objects.bindings) {
    FUZZ_CHECK(
        std::any_of(objects.roles.begin(), objects.roles.end(),
                    [&](const controlplane::Role& role) { return role.name == binding.role; }));
  }
  for (const controlplane::Token& token : objects.tokens) {
    FUZZ_CHECK(token.value_hash.size() == controlplane::HashTokenValue("").size() &&
               token.user != controlplane::kAnonymous);
    FUZZ_CHECK(
        std::any_of(objects.users.begin(), objects.users.end(),
                    [&](const controlplane::User& user) { return user.name == token.user; }));
  }
}

void CheckFile(absl::string_view content) {
  const std::vector<SourceFile> files = {{"fuzz.yaml", std::string(content)}};
  const absl::StatusOr<LoadedFiles> loaded = ParseFiles(files);
  if (!loaded.ok()) {
    FUZZ_CHECK(absl::IsInvalidArgument(loaded.status()));
    CheckMessage(loaded.status().message());
    return;
  }
  for (const std::string& warning : loaded->warnings) CheckMessage(warning);
  CheckObjects(loaded->objects);
  const auto& timeout = loaded->configuration.token_timeout;
  FUZZ_CHECK(!timeout.has_value() || *timeout >= controlplane::kMinTokenLifetime);
}

}  // namespace
}  // namespace registry::app

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  registry::app::CheckFile(registry::fuzz::ToText(data, size));
  return 0;
}
