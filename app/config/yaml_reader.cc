#include "app/config/yaml_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/utf8.h"

namespace registry::app {

namespace {

using Type = YamlNode::Type;

bool IsPrintable(absl::string_view text) {
  return base::IsUtf8Text(text) && !base::HasControlCharacter(text);
}

// A key in the path of a field. If the key is not a word, shows only its beginning: it may be a
// field and a secret without a space between them.
std::string PathElement(absl::string_view key) {
  constexpr size_t kMaxBytes = 60;
  const auto end = std::find_if_not(key.begin(), key.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-';
  });
  const absl::string_view word = key.substr(0, end - key.begin());
  if (!key.empty() && word == key && key.size() <= kMaxBytes) return std::string(key);
  return absl::StrCat("\"", word.substr(0, kMaxBytes), key.empty() ? "" : "…", "\"");
}

}  // namespace

std::string YamlPlace::ToString() const {
  return absl::StrCat(IsPrintable(file) ? std::string(file) : base::Quote(file), ":", line);
}

void YamlReport::Entries::Add(const YamlPlace& place, absl::string_view field,
                              absl::string_view what) {
  constexpr size_t kMaxKept = 1000;
  if (kept.size() == kMaxKept) {
    ++dropped;
    return;
  }
  kept.push_back({place.file_index, place.line,
                  absl::StrCat(place.ToString(), ": ", field, field.empty() ? "" : ": ", what)});
}

std::vector<std::string> YamlReport::Entries::First(size_t most) const {
  std::vector<Entry> sorted = kept;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.file_index, a.line) < std::pair(b.file_index, b.line);
  });
  std::vector<std::string> texts;
  for (size_t i = 0; i < std::min(most, sorted.size()); ++i) texts.push_back(sorted[i].text);
  const size_t more = sorted.size() - texts.size() + dropped;
  if (more > 0) texts.push_back(absl::StrCat("and ", more, " more"));
  return texts;
}

void YamlReport::Error(const YamlPlace& place, absl::string_view field, absl::string_view what) {
  errors_.Add(place, field, what);
}

void YamlReport::Warning(const YamlPlace& place, absl::string_view field, absl::string_view what) {
  warnings_.Add(place, field, what);
}

absl::Status YamlReport::ToStatus() const {
  if (errors_.kept.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(errors_.First(base::kMaxPolicyFileErrors), "\n"));
}

std::vector<std::string> YamlReport::Warnings() const {
  return warnings_.First(base::kMaxPolicyFileWarnings);
}

YamlValue::YamlValue(std::shared_ptr<const YamlNode> node, YamlPlace place, std::string field,
                     YamlReport* report)
    : node_(std::move(node)), place_(place), field_(std::move(field)), report_(report) {}

bool YamlValue::is_null() const { return node_ != nullptr && node_->type == Type::kNull; }

bool YamlValue::present() const { return node_ != nullptr && node_->type != Type::kNull; }

void YamlValue::Error(absl::string_view what) const { report_->Error(place_, field_, what); }

void YamlValue::Warning(absl::string_view what) const { report_->Warning(place_, field_, what); }

YamlValue YamlValue::Field(absl::string_view name) const {
  const std::string field = absl::StrCat(field_, field_.empty() ? "" : ".", PathElement(name));
  if (present() && node_->type == Type::kMap) {
    for (const YamlNode::MapEntry& entry : node_->fields) {
      if (entry.key != name) continue;
      YamlPlace place = place_;
      place.line = entry.line;
      return YamlValue(entry.value, place, field, report_);
    }
  }
  return YamlValue(nullptr, place_, field, report_);
}

YamlValue YamlValue::Required(absl::string_view name) const {
  YamlValue value = Field(name);
  // If this is not a map, that is already reported.
  if (!value.present() && (!present() || node_->type == Type::kMap)) {
    value.Error("is missing; add it");
  }
  return value;
}

absl::string_view YamlValue::TypeName() const {
  switch (node_->type) {
    case Type::kNull:
      return "nothing";
    case Type::kList:
      return "a list";
    case Type::kMap:
      return "a map";
    case Type::kScalar:
      break;
  }
  return "text";
}

void YamlValue::WrongType(absl::string_view expected) const {
  Error(absl::StrCat("is ", TypeName(), " but must be ", expected));
}

bool YamlValue::IsMapOf(std::initializer_list<absl::string_view> fields) const {
  if (!present()) return false;
  if (node_->type != Type::kMap) {
    WrongType(absl::StrCat("a map of the fields ", absl::StrJoin(fields, ", "), "; indent those"));
    return false;
  }
  for (const YamlNode::MapEntry& entry : node_->fields) {
    if (std::find(fields.begin(), fields.end(), entry.key) != fields.end()) continue;
    ReportUnknownField(entry, fields);
  }
  return true;
}

void YamlValue::ReportUnknownField(const YamlNode::MapEntry& entry,
                                   std::initializer_list<absl::string_view> fields) const {
  YamlPlace place = place_;
  place.line = entry.line;
  std::string name = PathElement(entry.key);
  std::string what = "is not a known field; ";
  const auto meant = std::find_if(fields.begin(), fields.end(), [&](absl::string_view field) {
    return absl::EqualsIgnoreCase(field, entry.key) ||
           absl::StartsWithIgnoreCase(entry.key, absl::StrCat(field, ":"));
  });
  if (meant == fields.end()) {
    // A single word on a line is probably a value, which may be a secret.
    if (entry.value->type == Type::kNull) {
      name = "\"…\"";
      what = "is not a known field and has no value; ";
    }
    absl::StrAppend(&what, "known fields are ", absl::StrJoin(fields, ", "));
  } else if (meant->size() == entry.key.size()) {
    absl::StrAppend(&what, "write ", *meant);
  } else {
    absl::StrAppend(&what, "write ", *meant, ": with a space after the colon");
  }
  report_->Error(place, absl::StrCat(field_, field_.empty() ? "" : ".", name), what);
}

std::vector<YamlValue> YamlValue::Items() const {
  std::vector<YamlValue> items;
  if (!present()) return items;
  if (node_->type != Type::kList) {
    WrongType("a list; write [A, B], or one \"- A\" per line");
    return items;
  }
  for (size_t i = 0; i < node_->items.size(); ++i) {
    YamlPlace place = place_;
    place.line = node_->items[i]->line;
    YamlValue item(node_->items[i], place, absl::StrCat(field_, "[", i, "]"), report_);
    if (item.present()) {
      items.push_back(std::move(item));
    } else {
      item.Error("is empty; remove it or give it a value");
    }
  }
  return items;
}

std::optional<std::string> YamlValue::Text() const {
  if (!present()) return std::nullopt;
  if (node_->type == Type::kScalar) return node_->scalar;
  WrongType("text; write only text");
  return std::nullopt;
}

std::optional<bool> YamlValue::Boolean() const {
  if (!present()) return std::nullopt;
  // Besides the words of YAML 1.2, accept those of YAML 1.1, as Go programs do.
  if (node_->type == Type::kScalar && !node_->quoted) {
    for (absl::string_view word : {"true", "yes", "on"}) {
      if (absl::EqualsIgnoreCase(node_->scalar, word)) return true;
    }
    for (absl::string_view word : {"false", "no", "off"}) {
      if (absl::EqualsIgnoreCase(node_->scalar, word)) return false;
    }
  }
  WrongType("a boolean; write true or false");
  return std::nullopt;
}

bool ReadYaml(size_t file_index, absl::string_view file, absl::string_view content,
              YamlReport* report, absl::FunctionRef<void(const YamlValue&)> document) {
  const auto at = [&](int line) {
    return YamlPlace{.file_index = file_index, .file = file, .line = line};
  };
  return ParseYaml(
      content,
      [&](const YamlMistake& mistake) {
        report->Error(at(mistake.line), mistake.key.empty() ? "" : PathElement(mistake.key),
                      mistake.what);
      },
      [&](std::shared_ptr<const YamlNode> root) {
        const int line = root->line;
        document(YamlValue(std::move(root), at(line), "", report));
      });
}

}  // namespace registry::app
