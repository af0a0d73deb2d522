// Strict YAML reader: every value knows its place, and a report collects all mistakes instead of
// ending at the first.
//
//   YamlReport report;
//   ReadYaml(0, "users.yaml", content, &report, [](const YamlValue& document) {
//     if (!document.IsMapOf({"kind", "spec"})) return;
//     std::optional<std::string> kind = document.Required("kind").Text();
//   });
//   if (absl::Status status = report.ToStatus(); !status.ok()) …
//
// Reads YAML 1.2 as yaml-cpp does, and merge keys. A null counts as absent. Messages never show a
// scalar, because it may be a secret; callers show values that are not secret. Messages show
// unknown field names only if they look like names.
#ifndef REGISTRY_APP_CONFIG_YAML_READER_H_
#define REGISTRY_APP_CONFIG_YAML_READER_H_

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "app/config/yaml_tree.h"

namespace registry::app {

// A line of a file.
struct YamlPlace {
  // Reports are sorted by this index.
  size_t file_index = 0;
  // Must outlive the place.
  absl::string_view file;
  int line = 1;

  // "users.yaml:12"
  std::string ToString() const;
};

// Collects errors and warnings about a set of files.
class YamlReport {
 public:
  // `field` is a path such as spec.groups[0]; empty if the message is not about a field.
  void Error(const YamlPlace& place, absl::string_view field, absl::string_view what);
  void Warning(const YamlPlace& place, absl::string_view field, absl::string_view what);

  // INVALID_ARGUMENT with one line per error, "FILE:LINE: FIELD: what", in the order of the files:
  // the first base::kMaxPolicyFileErrors, and the number of further errors.
  absl::Status ToStatus() const;
  // Likewise for warnings: the first base::kMaxPolicyFileWarnings.
  std::vector<std::string> Warnings() const;

 private:
  struct Entry {
    size_t file_index;
    int line;
    std::string text;
  };
  // Bounded, because every other byte of a file can be a mistake.
  struct Entries {
    void Add(const YamlPlace& place, absl::string_view field, absl::string_view what);
    // The first entries in the order of the files, and "and 5 more".
    std::vector<std::string> First(size_t most) const;

    std::vector<Entry> kept;
    size_t dropped = 0;
  };

  Entries errors_;
  Entries warnings_;
};

// A value, or the place of an absent value. Cheap to copy.
class YamlValue {
 public:
  // `report` must outlive the value.
  YamlValue(std::shared_ptr<const YamlNode> node, YamlPlace place, std::string field,
            YamlReport* report);

  bool present() const;
  // Returns true for null, which often is a forgotten value.
  bool is_null() const;
  const YamlPlace& place() const { return place_; }
  const std::string& field() const { return field_; }

  void Error(absl::string_view what) const;
  void Warning(absl::string_view what) const;

  // A field of a map; not present() if the map lacks it.
  YamlValue Field(absl::string_view name) const;
  // Same, but reports a missing field.
  YamlValue Required(absl::string_view name) const;

  // The following report a value of another type. They report nothing if it is not present.

  // Returns true for a map. Reports its fields other than `fields`.
  bool IsMapOf(std::initializer_list<absl::string_view> fields) const;
  // The elements of a list. Reports and skips nulls.
  std::vector<YamlValue> Items() const;
  // Text, or a number or boolean as written: Go programs accept these as text too.
  std::optional<std::string> Text() const;
  std::optional<bool> Boolean() const;

 private:
  // "a list", etc.
  absl::string_view TypeName() const;
  void WrongType(absl::string_view expected) const;
  void ReportUnknownField(const YamlNode::MapEntry& entry,
                          std::initializer_list<absl::string_view> fields) const;

  std::shared_ptr<const YamlNode> node_;
  YamlPlace place_;
  std::string field_;
  YamlReport* report_;
};

// Calls `document` with each document of a file that is not empty. Returns false if it cannot read
// the file to its end: then the file may have further documents.
//
// Reports invalid UTF-8, malformed YAML, content deeper or larger than base/limits.h allows (each
// use of an alias counts), and duplicate fields of a map.
bool ReadYaml(size_t file_index, absl::string_view file, absl::string_view content,
              YamlReport* report, absl::FunctionRef<void(const YamlValue&)> document);

}  // namespace registry::app

#endif  // REGISTRY_APP_CONFIG_YAML_READER_H_
