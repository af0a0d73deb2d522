// A parameter value of a statement: text, bytes, an integer or NULL.
//
//   t.Execute("UPDATE tags SET digest = ?1 WHERE name = ?2", {digest.ToString(), tag.ToString()});
//
// A Value refers to the text that it was made from. The text must live until the statement has run;
// arguments of the call do.
#ifndef REGISTRY_CONTROLPLANE_SQL_VALUE_H_
#define REGISTRY_CONTROLPLANE_SQL_VALUE_H_

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"

namespace registry::controlplane {

class Value {
 public:
  struct Bytes {
    absl::string_view data;
  };
  using Variant = std::variant<std::monostate, int64_t, absl::string_view, Bytes>;

  Value(std::integral auto number) : variant_(static_cast<int64_t>(number)) {}
  // UTF-8 without NUL: both engines store that as text.
  template <class T>
  requires std::convertible_to<const T&, absl::string_view> Value(const T& text)
      : variant_(absl::string_view(text)) {}
  // NULL when absent.
  Value(const std::optional<std::string>& text) {
    if (text.has_value()) variant_ = absl::string_view(*text);
  }
  Value(Bytes bytes) : variant_(bytes) {}

  static Value Null() { return Value(std::optional<std::string>()); }

  const Variant& variant() const { return variant_; }

 private:
  Variant variant_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_VALUE_H_
