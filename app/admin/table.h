// Formats a table for a terminal: columns as wide as their widest cell, two spaces between them.
//
//   Table table({"NAME", "GROUPS"});
//   table.Add({"bob", "devs, ops"});
//   output << table.ToString();
#ifndef REGISTRY_APP_ADMIN_TABLE_H_
#define REGISTRY_APP_ADMIN_TABLE_H_

#include <string>
#include <utility>
#include <vector>

namespace registry::app::admin {

class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}

  // `row` has as many cells as the header. Escapes control characters.
  void Add(std::vector<std::string> row);

  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace registry::app::admin

#endif  // REGISTRY_APP_ADMIN_TABLE_H_
