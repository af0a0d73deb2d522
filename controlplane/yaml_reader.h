// Strict reading of YAML: every value knows its place, and whatever is wrong is collected in a
// report instead of ending at the first mistake.
//
//   YamlReport report;
//   ReadYaml(0, "users.yaml", content, &report, [](const YamlValue& document) {
//     if (!document.IsMapOf({"kind", "spec"})) return;
//     std::optional<std::string> kind = document.Required("kind").Text();
//   });
//   if (absl::Status status = report.ToStatus(); !status.ok()) …
//
// YAML 1.2 as yaml-cpp reads it, and merge keys. A value given as null counts as not given.
// Messages never show a scalar: it may be a secret. Whoever knows that it is none shows it. Of the
// names of unknown fields they show what looks like a name.
#ifndef REGISTRY_CONTROLPLANE_YAML_READER_H_
#define REGISTRY_CONTROLPLANE_YAML_READER_H_

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "controlplane/yaml_tree.h"

namespace registry::controlplane {

// A line of a file.
struct YamlPlace {
  // Reports are in the order of these.
  size_t file_index = 0;
  // Must outlive the place.
  absl::string_view file;
  int line = 1;

  // "users.yaml:12"
  std::string ToString() const;
};

// What is wrong, or merely odd, in a set of files.
class YamlReport {
 public:
  // `field` is a path such as spec.groups[0], or empty when no field is to blame.
  void Error(const YamlPlace& place, absl::string_view field, absl::string_view what);
  void Warning(const YamlPlace& place, absl::string_view field, absl::string_view what);

  // INVALID_ARGUMENT, "FILE:LINE: FIELD: what" a line, in the order of the files: the first
  // base::kMaxPolicyFileErrors of them, and the number of the others.
  absl::Status ToStatus() const;
  // The same of the warnings: the first base::kMaxPolicyFileWarnings.
  std::vector<std::string> Warnings() const;

 private:
  struct Entry {
    size_t file_index;
    int line;
    std::string text;
  };
  // Bounded: a file can have a mistake in every other byte.
  struct Entries {
    void Add(const YamlPlace& place, absl::string_view field, absl::string_view what);
    // The first ones in the order of the files, and "and 5 more".
    std::vector<std::string> First(size_t most) const;

    std::vector<Entry> kept;
    size_t dropped = 0;
  };

  Entries errors_;
  Entries warnings_;
};

// A value, or the place where one could be. Cheap to copy.
class YamlValue {
 public:
  // `report` must outlive the value.
  YamlValue(std::shared_ptr<const YamlNode> node, YamlPlace place, std::string field,
            YamlReport* report);

  bool present() const;
  // Given as null, which often is a value that somebody forgot.
  bool is_null() const;
  const YamlPlace& place() const { return place_; }
  const std::string& field() const { return field_; }

  void Error(absl::string_view what) const;
  void Warning(absl::string_view what) const;

  // Of a map. A field that is not there is a value that is not present.
  YamlValue Field(absl::string_view name) const;
  // The same, and reports it missing.
  YamlValue Required(absl::string_view name) const;

  // The following report a value of another type, and say nothing of one that is not present.

  // Whether it is a map. Reports its fields other than `fields`.
  bool IsMapOf(std::initializer_list<absl::string_view> fields) const;
  // The elements of a list; nulls among them are reported and left out.
  std::vector<YamlValue> Items() const;
  // Text, or a number or a boolean as it is written: Go programs take these for text as well.
  std::optional<std::string> Text() const;
  std::optional<bool> Boolean() const;

 private:
  // "a list", and so on.
  absl::string_view TypeName() const;
  void WrongType(absl::string_view expected) const;
  void ReportUnknownField(const YamlNode::MapEntry& entry,
                          std::initializer_list<absl::string_view> fields) const;

  std::shared_ptr<const YamlNode> node_;
  YamlPlace place_;
  std::string field_;
  YamlReport* report_;
};

// Calls `document` with each document of a file, empty ones left out. False when it could not be
// read to its end: then there may be more documents than were seen.
//
// Reports what is no UTF-8, malformed, deeper or larger than base/limits.h allows (aliases count
// as often as they are used), and fields that a map has twice.
bool ReadYaml(size_t file_index, absl::string_view file, absl::string_view content,
              YamlReport* report, absl::FunctionRef<void(const YamlValue&)> document);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_YAML_READER_H_
