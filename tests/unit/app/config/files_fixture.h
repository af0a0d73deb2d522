// YAML files for tests of config/files.h, and their results.
#ifndef REGISTRY_TESTS_UNIT_APP_CONFIG_FILES_FIXTURE_H_
#define REGISTRY_TESTS_UNIT_APP_CONFIG_FILES_FIXTURE_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "app/config/files.h"

namespace registry::app {

inline constexpr char kHash[] = "$2b$04$abcdefghijklmnopqrstuu8fcBr6CKQK.lNKpSKcx8pBjK5/zNFDK";
inline constexpr char kTokenValue[] = "0123456789abcdef";

// The files are named a.yaml, b.yaml and so on.
inline absl::StatusOr<LoadedFiles> Parse(const std::vector<std::string>& contents) {
  std::vector<SourceFile> files;
  for (const std::string& content : contents) {
    files.push_back(
        {absl::StrCat(std::string(1, static_cast<char>('a' + files.size())), ".yaml"), content});
  }
  return ParseFiles(files);
}

// A document: its "spec" begins in line 5.
inline std::string Document(absl::string_view kind, absl::string_view name,
                            absl::string_view spec) {
  return absl::StrCat("apiVersion: simple-registry.jlsalvador.online/v1beta1\nkind: ", kind,
                      "\nmetadata:\n  name: ", name, "\nspec:\n", spec);
}

inline std::string UserOf(absl::string_view name, absl::string_view group = "g") {
  return Document("User", name, absl::StrCat("  groups: [", group, "]\n---\n"));
}

inline std::string PullRole() {
  return Document("Role", "pull", "  resources: [\"*\"]\n  verbs: [get]\n---\n");
}

// All errors, one per line; "" if there are none.
inline std::string ErrorsOf(const std::vector<std::string>& contents) {
  const absl::StatusOr<LoadedFiles> loaded = Parse(contents);
  EXPECT_TRUE(loaded.ok() || absl::IsInvalidArgument(loaded.status()));
  return std::string(loaded.status().message());
}

}  // namespace registry::app

#endif  // REGISTRY_TESTS_UNIT_APP_CONFIG_FILES_FIXTURE_H_
