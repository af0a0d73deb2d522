#include "app/config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/utf8.h"

namespace registry::app {
namespace {

using Type = YamlNode::Type;

constexpr absl::string_view kYamlTag = "tag:yaml.org,2002:";

// Thrown to stop parsing a file.
struct Refusal : std::runtime_error {
  Refusal(int line, const std::string& what) : std::runtime_error(what), line(line) {}
  int line;
};

// Builds a tree from the events of one document.
class TreeBuilder : public YAML::EventHandler {
 public:
  std::shared_ptr<const YamlNode> root() const { return root_; }
  const YAML::Mark& start() const { return start_; }
  // Duplicate fields of maps.
  const std::vector<YamlMistake>& repeated() const { return repeated_; }

  void OnDocumentStart(const YAML::Mark& mark) override { start_ = mark; }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Place(NewNode(Type::kNull, mark), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Refusal(mark.line + 1,
                    "an alias refers to a value that contains it; write the value out");
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
    // In a map: the key whose value comes next.
    std::shared_ptr<const YamlNode> key;
    // The line of each key.
    absl::flat_hash_map<std::string, int> keys;
    // The maps that its merge key (<<) names.
    std::vector<std::shared_ptr<const YamlNode>> merged;
  };

  [[noreturn]] static void RefuseTag(const YAML::Mark& mark) {
    throw Refusal(mark.line + 1, "unknown tag (!…); remove it");
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
                                                base::kMaxYamlDepth, " levels deep; flatten them"));
    }
    open_.push_back(
        {.node = NewNode(type, mark), .anchor = anchor, .key = nullptr, .keys = {}, .merged = {}});
  }

  void Close() {
    Container done = std::move(open_.back());
    open_.pop_back();
    for (const auto& map : done.merged) Merge(*map, done);
    Place(std::move(done.node), done.anchor);
  }

  // Adds a finished value to its container.
  void Place(std::shared_ptr<const YamlNode> node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Container& parent = open_.back();
    parent.node->size += node->size;
    // An alias costs nothing here, but readers of the tree walk through it: without a limit, a few
    // lines of nested aliases make billions of nodes.
    if (parent.node->size > base::kMaxYamlNodes) {
      throw Refusal(parent.node->line, absl::StrCat("the document has more than ",
                                                    base::kMaxYamlNodes, " values; split it"));
    }
    if (parent.node->type == Type::kList) {
      parent.node->items.push_back(std::move(node));
    } else if (parent.key == nullptr) {
      CheckKey(parent, *node);
      parent.key = std::move(node);
    } else if (IsMergeKey(*parent.key)) {
      SetMerged(parent, std::move(node));
      parent.key = nullptr;
    } else {
      parent.node->fields.push_back(
          {.key = parent.key->scalar, .line = parent.key->line, .value = std::move(node)});
      parent.key = nullptr;
    }
  }

  static bool IsMergeKey(const YamlNode& key) { return key.scalar == "<<" && !key.quoted; }

  // The value of a merge key: a map, or a list of maps.
  static void SetMerged(Container& map, std::shared_ptr<const YamlNode> value) {
    map.merged = value->type == Type::kList ? value->items : std::vector{value};
    for (const auto& merged : map.merged) {
      if (merged->type == Type::kMap) continue;
      throw Refusal(value->line, "a merge key (<<) takes a map or a list of maps; give it one");
    }
  }

  // Adds the fields that the map lacks: its own and earlier merged ones win.
  static void Merge(const YamlNode& from, Container& map) {
    for (const YamlNode::MapEntry& field : from.fields) {
      if (map.keys.try_emplace(field.key, field.line).second) map.node->fields.push_back(field);
    }
  }

  void CheckKey(Container& map, const YamlNode& key) {
    if (key.type != Type::kScalar) {
      throw Refusal(key.line, "a field name must be a word; write NAME: VALUE");
    }
    const auto [first, is_new] = map.keys.try_emplace(key.scalar, key.line);
    if (is_new) return;
    repeated_.push_back(
        {key.line, key.scalar,
         absl::StrCat("appears twice, first in line ", first->second, "; remove one of them")});
  }

  YAML::Mark start_;
  std::vector<Container> open_;
  std::shared_ptr<const YamlNode> root_;
  absl::flat_hash_map<YAML::anchor_t, std::shared_ptr<const YamlNode>> anchors_;
  std::vector<YamlMistake> repeated_;
};

// yaml-cpp reads any text after a finished value as another document, and text that cannot begin a
// value as an empty document, again and again.
void CheckStart(const YAML::Mark& start, const std::vector<absl::string_view>& lines, bool first) {
  const size_t line = static_cast<size_t>(std::max(start.line, 0));
  const bool explicit_start =
      line < lines.size() && start.column == 0 && absl::StartsWith(lines[line], "---");
  if (first || explicit_start) return;
  throw Refusal(start.line + 1,
                "this does not belong to the value before it; check the indentation, and begin "
                "another document with ---");
}

void ParseDocuments(absl::string_view content, absl::FunctionRef<void(const YamlMistake&)> mistake,
                    absl::FunctionRef<void(std::shared_ptr<const YamlNode>)> document) {
  const std::vector<absl::string_view> lines = absl::StrSplit(content, '\n');
  std::istringstream stream{std::string(content)};
  YAML::Parser parser(stream);
  for (bool first = true;; first = false) {
    TreeBuilder builder;
    if (!parser.HandleNextDocument(builder)) return;
    CheckStart(builder.start(), lines, first);
    for (const YamlMistake& repeated : builder.repeated()) mistake(repeated);
    if (builder.root() == nullptr || builder.root()->type == Type::kNull) continue;
    document(builder.root());
  }
}

}  // namespace

bool ParseYaml(absl::string_view content, absl::FunctionRef<void(const YamlMistake&)> mistake,
               absl::FunctionRef<void(std::shared_ptr<const YamlNode>)> document) {
  if (!base::IsUtf8Text(content)) {
    int line = 1;
    for (absl::string_view text : absl::StrSplit(content, '\n')) {
      if (!base::IsUtf8Text(text)) break;
      ++line;
    }
    mistake({line, "", "is not UTF-8 text, or has a NUL; save the file as UTF-8"});
    return false;
  }
  try {
    ParseDocuments(content, mistake, document);
    return true;
  } catch (const Refusal& refusal) {
    mistake({refusal.line, "", refusal.what()});
  } catch (const YAML::Exception& error) {
    // The text after a colon is a piece of the file, perhaps of a secret.
    const absl::string_view why = absl::string_view(error.msg).substr(0, error.msg.find(':'));
    mistake({std::max(error.mark.line, 0) + 1, "",
             absl::StrCat("is not valid YAML: ", why.empty() ? "malformed" : why,
                          "; check the indentation and the quotes")});
  } catch (const std::exception&) {
    // yaml-cpp lets exceptions of the standard library escape, without a line.
    mistake({1, "", "is not valid YAML; check the indentation and the quotes"});
  }
  return false;
}

}  // namespace registry::app
