// Parses YAML documents into trees with the line of every value. yaml_reader.h reads them.
//
// Uses the parser of yaml-cpp but not its trees: those accept duplicate fields, and let nested
// aliases grow without bound.
#ifndef REGISTRY_APP_CONFIG_YAML_TREE_H_
#define REGISTRY_APP_CONFIG_YAML_TREE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace registry::app {

struct YamlNode {
  enum class Type { kNull, kScalar, kList, kMap };
  struct MapEntry {
    std::string key;
    int line;
    std::shared_ptr<const YamlNode> value;
  };

  Type type;
  int line;
  // The scalar is quoted, or tagged as a string.
  bool quoted = false;
  std::string scalar;
  std::vector<std::shared_ptr<const YamlNode>> items;
  std::vector<MapEntry> fields;
  // Number of nodes in the tree; each use of an alias counts.
  size_t size = 1;
};

struct YamlMistake {
  int line;
  // The name of the field that the mistake is about, or empty.
  std::string key;
  // Says what to do; shows no content of the file.
  std::string what;
};

// Calls `document` with each document of `content` that is not empty, and `mistake` for each
// mistake. Returns false if a mistake stopped the parser; a duplicate field does not.
bool ParseYaml(absl::string_view content, absl::FunctionRef<void(const YamlMistake&)> mistake,
               absl::FunctionRef<void(std::shared_ptr<const YamlNode>)> document);

}  // namespace registry::app

#endif  // REGISTRY_APP_CONFIG_YAML_TREE_H_
