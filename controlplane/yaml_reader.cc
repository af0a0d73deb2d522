#include "controlplane/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "oci/error.h"

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

namespace {

using Type = YamlNode::Type;

constexpr absl::string_view kYamlTag = "tag:yaml.org,2002:";

// Ends the parsing of a file.
struct Refusal : std::runtime_error {
  Refusal(int line, const std::string& what) : std::runtime_error(what), line(line) {}
  int line;
};

bool IsPrintable(absl::string_view text) {
  return base::IsUtf8Text(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_iscntrl(static_cast<unsigned char>(c));
         });
}

// A key in the path of a field.
std::string PathElement(absl::string_view key) {
  constexpr size_t kMaxBytes = 60;
  const bool plain = !key.empty() && key.size() <= kMaxBytes &&
                     std::all_of(key.begin(), key.end(), [](unsigned char c) {
                       return absl::ascii_isalnum(c) || c == '_' || c == '-';
                     });
  return plain ? std::string(key) : oci::Quote(key.substr(0, kMaxBytes));
}

// What YAML's core schema does not take for text.
bool IsNumber(absl::string_view text) {
  absl::ConsumePrefix(&text, "-") || absl::ConsumePrefix(&text, "+");
  if (text.empty()) return false;
  if (absl::EqualsIgnoreCase(text, ".inf") || absl::EqualsIgnoreCase(text, ".nan")) return true;
  uint64_t hex;
  if (absl::StartsWith(text, "0x")) return absl::SimpleHexAtoi(text, &hex);
  if (absl::ConsumePrefix(&text, "0o")) {
    return !text.empty() && text.find_first_not_of("01234567") == absl::string_view::npos;
  }
  // SimpleAtod takes words such as "infinity", too.
  double number;
  return text.find_first_not_of("0123456789.eE+-") == absl::string_view::npos &&
         absl::SimpleAtod(text, &number);
}

bool IsBoolean(absl::string_view text) {
  for (absl::string_view word : {"true", "True", "TRUE", "false", "False", "FALSE"}) {
    if (text == word) return true;
  }
  return false;
}

// Makes a tree of the events of one document.
class TreeBuilder : public YAML::EventHandler {
 public:
  std::shared_ptr<const YamlNode> root() const { return root_; }
  const YAML::Mark& start() const { return start_; }
  // Fields that a map has twice: the second one's line, its name, and the first one's line.
  struct Repeated {
    int line;
    std::string key;
    int first_line;
  };
  const std::vector<Repeated>& repeated() const { return repeated_; }

  void OnDocumentStart(const YAML::Mark& mark) override { start_ = mark; }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Place(NewNode(Type::kNull, mark), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Refusal(mark.line + 1, "an alias stands inside of what it stands for; write it out");
    }
    Place(found->second, 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = NewNode(Type::kScalar, mark);
    absl::string_view type = tag;
    if (absl::ConsumePrefix(&type, kYamlTag)) {
      if (type != "str" && type != "int" && type != "bool") RefuseTag(mark);
      node->quoted = type == "str";
    } else if (tag == "!") {
      node->quoted = true;
    } else if (!tag.empty() && tag != "?") {
      RefuseTag(mark);
    }
    node->scalar = value;
    Place(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(Type::kList, "seq", mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(Type::kMap, "map", mark, tag, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Container {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor;
    // Of a map: the key whose value comes next.
    std::shared_ptr<const YamlNode> key;
    // The lines of its keys.
    absl::flat_hash_map<std::string, int> keys;
  };

  [[noreturn]] static void RefuseTag(const YAML::Mark& mark) {
    throw Refusal(mark.line + 1, "this tag (!…) is not known; leave it out");
  }

  static std::shared_ptr<YamlNode> NewNode(Type type, const YAML::Mark& mark) {
    auto node = std::make_shared<YamlNode>();
    node->type = type;
    node->line = mark.line + 1;
    return node;
  }

  void Open(Type type, absl::string_view type_tag, const YAML::Mark& mark, absl::string_view tag,
            YAML::anchor_t anchor) {
    if (!tag.empty() && tag != "?" && tag != "!" && tag != absl::StrCat(kYamlTag, type_tag)) {
      RefuseTag(mark);
    }
    if (open_.size() >= base::kMaxYamlDepth) {
      throw Refusal(mark.line + 1, absl::StrCat("lists and maps are nested more than ",
                                                base::kMaxYamlDepth, " deep; nothing here is"));
    }
    open_.push_back({.node = NewNode(type, mark), .anchor = anchor, .key = nullptr, .keys = {}});
  }

  void Close() {
    Container done = std::move(open_.back());
    open_.pop_back();
    Place(std::move(done.node), done.anchor);
  }

  // Puts a finished value where it belongs.
  void Place(std::shared_ptr<const YamlNode> node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Container& parent = open_.back();
    parent.node->size += node->size;
    // An alias costs nothing here but is walked through by whoever reads the tree: without a limit
    // a few lines of aliases of aliases make billions of nodes.
    if (parent.node->size > base::kMaxYamlNodes) {
      throw Refusal(parent.node->line, absl::StrCat("the document has more than ",
                                                    base::kMaxYamlNodes, " values; split it"));
    }
    if (parent.node->type == Type::kList) {
      parent.node->items.push_back(std::move(node));
    } else if (parent.key == nullptr) {
      CheckKey(parent, *node);
      parent.key = std::move(node);
    } else {
      parent.node->fields.push_back(
          {.key = parent.key->scalar, .line = parent.key->line, .value = std::move(node)});
      parent.key = nullptr;
    }
  }

  void CheckKey(Container& map, const YamlNode& key) {
    if (key.type != Type::kScalar) {
      throw Refusal(key.line, "the name of a field must be a word; a field is NAME: VALUE");
    }
    if (key.scalar == "<<" && !key.quoted) {
      throw Refusal(key.line, "merge keys (<<) are not supported; write the fields out");
    }
    const auto [first, is_new] = map.keys.try_emplace(key.scalar, key.line);
    if (!is_new) repeated_.push_back({key.line, key.scalar, first->second});
  }

  YAML::Mark start_;
  std::vector<Container> open_;
  std::shared_ptr<const YamlNode> root_;
  absl::flat_hash_map<YAML::anchor_t, std::shared_ptr<const YamlNode>> anchors_;
  std::vector<Repeated> repeated_;
};

// yaml-cpp takes whatever follows a finished value for one more document, and what can begin no
// value for an empty document, again and again.
void CheckStart(const YAML::Mark& start, const std::vector<absl::string_view>& lines, bool first) {
  const size_t line = static_cast<size_t>(std::max(start.line, 0));
  const bool explicit_start =
      line < lines.size() && start.column == 0 && absl::StartsWith(lines[line], "---");
  if (first || explicit_start) return;
  throw Refusal(start.line + 1,
                "this belongs to nothing before it; check the indentation, and begin a further "
                "document with ---");
}

void ReadDocuments(absl::string_view content, const YamlPlace& file, YamlReport* report,
                   absl::FunctionRef<void(const YamlValue&)> document) {
  const std::vector<absl::string_view> lines = absl::StrSplit(content, '\n');
  std::istringstream stream{std::string(content)};
  YAML::Parser parser(stream);
  for (bool first = true;; first = false) {
    TreeBuilder builder;
    if (!parser.HandleNextDocument(builder)) return;
    CheckStart(builder.start(), lines, first);
    YamlPlace place = file;
    for (const TreeBuilder::Repeated& repeated : builder.repeated()) {
      place.line = repeated.line;
      report->Error(place, PathElement(repeated.key),
                    absl::StrCat("stands twice, first in line ", repeated.first_line,
                                 "; remove one of the two"));
    }
    if (builder.root() == nullptr || builder.root()->type == Type::kNull) continue;
    place.line = builder.root()->line;
    document(YamlValue(builder.root(), place, "", report));
  }
}

}  // namespace

std::string YamlPlace::ToString() const {
  return absl::StrCat(IsPrintable(file) ? std::string(file) : oci::Quote(file), ":", line);
}

void YamlReport::Add(std::vector<Entry>& entries, const YamlPlace& place, absl::string_view field,
                     absl::string_view what) {
  entries.push_back({place.file_index, place.line,
                     absl::StrCat(place.ToString(), ": ", field, field.empty() ? "" : ": ", what)});
}

void YamlReport::Error(const YamlPlace& place, absl::string_view field, absl::string_view what) {
  Add(errors_, place, field, what);
}

void YamlReport::Warning(const YamlPlace& place, absl::string_view field, absl::string_view what) {
  Add(warnings_, place, field, what);
}

std::vector<YamlReport::Entry> YamlReport::InOrder(std::vector<Entry> entries) {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.file_index, a.line) < std::pair(b.file_index, b.line);
  });
  return entries;
}

absl::Status YamlReport::ToStatus() const {
  if (errors_.empty()) return absl::OkStatus();
  std::vector<std::string> shown;
  for (const Entry& entry : InOrder(errors_)) {
    if (shown.size() == base::kMaxPolicyFileErrors) {
      shown.push_back(absl::StrCat("and ", errors_.size() - shown.size(), " more"));
      break;
    }
    shown.push_back(entry.text);
  }
  return absl::InvalidArgumentError(absl::StrJoin(shown, "\n"));
}

std::vector<std::string> YamlReport::Warnings() const {
  std::vector<std::string> texts;
  for (Entry& entry : InOrder(warnings_)) texts.push_back(std::move(entry.text));
  return texts;
}

YamlValue::YamlValue(std::shared_ptr<const YamlNode> node, YamlPlace place, std::string field,
                     YamlReport* report)
    : node_(std::move(node)), place_(place), field_(std::move(field)), report_(report) {}

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
  // Of what is no map that was reported already.
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
  if (node_->quoted) return "text";
  if (IsNumber(node_->scalar)) return "a number";
  return IsBoolean(node_->scalar) ? "a boolean" : "text";
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
    YamlPlace place = place_;
    place.line = entry.line;
    const auto similar = std::find_if(fields.begin(), fields.end(), [&](absl::string_view field) {
      return absl::EqualsIgnoreCase(field, entry.key);
    });
    report_->Error(place, absl::StrCat(field_, field_.empty() ? "" : ".", PathElement(entry.key)),
                   similar == fields.end()
                       ? absl::StrCat("is no known field; known are ", absl::StrJoin(fields, ", "))
                       : absl::StrCat("is no known field; write ", *similar));
  }
  return true;
}

std::vector<YamlValue> YamlValue::Items() const {
  std::vector<YamlValue> items;
  if (!present()) return items;
  if (node_->type != Type::kList) {
    WrongType("a list; write [A, B], or one \"- A\" a line");
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
  if (TypeName() == "text") return node_->scalar;
  WrongType(node_->type == Type::kScalar ? "text; put it in quotes" : "text; write just that");
  return std::nullopt;
}

std::optional<std::string> YamlValue::TextOrNumber() const {
  if (!present()) return std::nullopt;
  if (TypeName() == "text" || TypeName() == "a number") return node_->scalar;
  WrongType("text or a number; write just that");
  return std::nullopt;
}

std::optional<bool> YamlValue::Boolean() const {
  if (!present()) return std::nullopt;
  // Besides those of YAML 1.2, the words of YAML 1.1, which Go programs take for booleans as well.
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
  YamlPlace place{.file_index = file_index, .file = file, .line = 1};
  if (!base::IsUtf8Text(content)) {
    for (absl::string_view line : absl::StrSplit(content, '\n')) {
      if (!base::IsUtf8Text(line)) break;
      ++place.line;
    }
    report->Error(place, "", "is no UTF-8 text, or has a NUL; save the file as UTF-8");
    return false;
  }
  try {
    ReadDocuments(content, place, report, document);
    return true;
  } catch (const Refusal& refusal) {
    place.line = refusal.line;
    report->Error(place, "", refusal.what());
  } catch (const YAML::Exception& error) {
    place.line = std::max(error.mark.line, 0) + 1;
    // What follows a colon is a piece of the file, which may be one of a secret.
    const absl::string_view why = absl::string_view(error.msg).substr(0, error.msg.find(':'));
    report->Error(place, "",
                  absl::StrCat("is no valid YAML: ", why.empty() ? "malformed" : why,
                               "; check the indentation and the quotes"));
  } catch (const std::exception&) {
    // yaml-cpp lets errors of the standard library through, without a line.
    report->Error(place, "", "is no valid YAML; check the indentation and the quotes");
  }
  return false;
}

}  // namespace registry::controlplane
