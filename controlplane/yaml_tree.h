// Trees of YAML documents, with the line of every value. yaml_reader.h reads them.
//
// yaml-cpp parses; its own trees are not used, because they neither notice fields that a map has
// twice nor keep aliases of aliases from growing without end.
#ifndef REGISTRY_CONTROLPLANE_YAML_TREE_H_
#define REGISTRY_CONTROLPLANE_YAML_TREE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace registry::controlplane {

struct YamlNode {
  enum class Type { kNull, kScalar, kList, kMap };
  struct MapEntry {
    std::string key;
    int line;
    std::shared_ptr<const YamlNode> value;
  };

  Type type;
  int line;
  // Of a scalar: quoted, or tagged as a string.
  bool quoted = false;
  std::string scalar;
  std::vector<std::shared_ptr<const YamlNode>> items;
  std::vector<MapEntry> fields;
  // Nodes in it, aliases counted as often as they are used.
  size_t size = 1;
};

struct YamlMistake {
  int line;
  // The name of the field to blame, or empty.
  std::string key;
  // Says what to do, and shows nothing of the file.
  std::string what;
};

// Calls `document` with each document of `content` that is not empty, and `mistake` with what is
// wrong. False when a mistake ended the reading; a field that a map has twice does not.
bool ParseYaml(absl::string_view content, absl::FunctionRef<void(const YamlMistake&)> mistake,
               absl::FunctionRef<void(std::shared_ptr<const YamlNode>)> document);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_YAML_TREE_H_
