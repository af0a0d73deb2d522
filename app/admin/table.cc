#include "app/admin/table.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"

namespace registry::app::admin {
namespace {

// Counts characters: bytes that are not UTF-8 continuation bytes.
size_t WidthOf(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

// Escapes control characters, so that no cell can move the cursor or end the line.
std::string Printable(absl::string_view text) {
  std::string printable;
  while (!text.empty()) {
    // Control characters from U+0080 have two bytes.
    const absl::string_view character = text.substr(0, text.front() == '\xc2' ? 2 : 1);
    absl::StrAppend(&printable, base::HasControlCharacter(character) ? absl::CEscape(character)
                                                                     : std::string(character));
    text.remove_prefix(character.size());
  }
  return printable;
}

}  // namespace

void Table::Add(std::vector<std::string> row) {
  for (std::string& cell : row) cell = Printable(cell);
  rows_.push_back(std::move(row));
}

std::string Table::ToString() const {
  std::vector<size_t> widths(rows_.front().size());
  for (const std::vector<std::string>& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], WidthOf(row[i]));
  }
  constexpr size_t kGap = 2;
  std::string text;
  for (const std::vector<std::string>& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - WidthOf(row[i]) + kGap, ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace registry::app::admin
