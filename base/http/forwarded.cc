#include "base/http/forwarded.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace registry::http {
namespace {

// RFC 9110, section 5.6.2. Many proxies write addresses with ports without the quotes that they
// need, so values may have colons and brackets, too.
bool IsTokenCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::string_view("!#$%&'*+-.^_`|~").find(c) != absl::string_view::npos;
}
bool IsValueCharacter(char c) { return IsTokenCharacter(c) || c == ':' || c == '[' || c == ']'; }

// Takes the characters from the front of `text` that `belongs` accepts.
template <class Predicate>
absl::string_view TakeWhile(absl::string_view& text, Predicate belongs) {
  const auto end = std::find_if_not(text.begin(), text.end(), belongs);
  const absl::string_view taken = text.substr(0, static_cast<size_t>(end - text.begin()));
  text.remove_prefix(taken.size());
  return taken;
}

void SkipSpace(absl::string_view& text) {
  TakeWhile(text, [](char c) { return c == ' ' || c == '\t'; });
}

// A token, or a quoted-string (RFC 9110, 5.6.4) without its quotes and backslashes.
std::optional<std::string> TakeValue(absl::string_view& text) {
  if (!absl::ConsumePrefix(&text, "\"")) {
    const absl::string_view value = TakeWhile(text, IsValueCharacter);
    if (value.empty()) return std::nullopt;
    return std::string(value);
  }
  std::string value;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') return value;
    if (c == '\\') {
      if (text.empty()) break;
      value += text.front();
      text.remove_prefix(1);
    } else {
      value += c;
    }
  }
  return std::nullopt;
}

// Sets the field of the parameter. Returns false if it already has a value.
bool SetParameter(absl::string_view name, std::string value, ForwardedElement& element) {
  std::string* const field = absl::EqualsIgnoreCase(name, "for")     ? &element.client
                             : absl::EqualsIgnoreCase(name, "host")  ? &element.host
                             : absl::EqualsIgnoreCase(name, "proto") ? &element.proto
                                                                     : nullptr;
  if (field == nullptr) return true;
  if (!field->empty()) return false;
  *field = std::move(value);
  return true;
}

}  // namespace

std::optional<std::vector<ForwardedElement>> ParseForwarded(absl::string_view line) {
  std::vector<ForwardedElement> elements;
  ForwardedElement element;
  bool has_parameters = false;
  while (true) {
    SkipSpace(line);
    if (!line.empty() && line.front() != ',' && line.front() != ';') {
      const absl::string_view name = TakeWhile(line, IsTokenCharacter);
      if (name.empty() || !absl::ConsumePrefix(&line, "=")) return std::nullopt;
      std::optional<std::string> value = TakeValue(line);
      if (!value || !SetParameter(name, *std::move(value), element)) return std::nullopt;
      has_parameters = true;
      SkipSpace(line);
    }
    if (absl::ConsumePrefix(&line, ";")) continue;
    // Empty list elements do not count (RFC 9110, 5.6.1).
    if (has_parameters) elements.push_back(std::move(element));
    element = ForwardedElement();
    has_parameters = false;
    if (line.empty()) return elements;
    if (!absl::ConsumePrefix(&line, ",")) return std::nullopt;
  }
}

}  // namespace registry::http
