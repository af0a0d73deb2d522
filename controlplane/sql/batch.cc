#include "controlplane/sql/batch.h"

#include <bit>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace registry::controlplane {
namespace {

// Uses few different sizes: full batches, and powers of two for the rest.
size_t BatchSize(size_t left) {
  return left >= base::kSqlBatch ? base::kSqlBatch : std::bit_floor(left);
}

// `element` appends the SQL for a name with the given placeholder.
void RunBatches(Transaction& t, absl::string_view before, std::initializer_list<Value> shared,
                absl::Span<const std::string> names, absl::string_view after,
                absl::FunctionRef<void(std::string& sql, size_t placeholder)> element,
                absl::FunctionRef<void(const Row&)> on_row) {
  while (!names.empty() && t.status().ok()) {
    const absl::Span<const std::string> batch = names.subspan(0, BatchSize(names.size()));
    std::string sql(before);
    std::vector<Value> values = shared;
    for (const std::string& name : batch) {
      if (values.size() > shared.size()) sql += ", ";
      values.emplace_back(name);
      element(sql, values.size());
    }
    absl::StrAppend(&sql, after);
    t.Query(sql, values, on_row);
    names.remove_prefix(batch.size());
  }
}

}  // namespace

void QueryWithList(Transaction& t, absl::string_view before, std::initializer_list<Value> shared,
                   absl::Span<const std::string> names, absl::string_view after,
                   absl::FunctionRef<void(const Row&)> on_row) {
  const auto element = [](std::string& sql, size_t placeholder) {
    absl::StrAppend(&sql, "?", placeholder);
  };
  RunBatches(t, before, shared, names, after, element, on_row);
}

void ExecuteWithList(Transaction& t, absl::string_view before, std::initializer_list<Value> shared,
                     absl::Span<const std::string> names, absl::string_view after) {
  QueryWithList(t, before, shared, names, after, [](const Row&) {});
}

void InsertRows(Transaction& t, absl::string_view before, std::initializer_list<Value> shared,
                absl::Span<const std::string> names, absl::string_view after) {
  std::string row = "(";
  for (size_t i = 1; i <= shared.size(); ++i) absl::StrAppend(&row, "?", i, ", ");
  const auto element = [&](std::string& sql, size_t placeholder) {
    absl::StrAppend(&sql, row, "?", placeholder, ")");
  };
  RunBatches(t, before, shared, names, after, element, [](const Row&) {});
}

}  // namespace registry::controlplane
