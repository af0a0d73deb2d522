#include "controlplane/sql/transaction.h"

#include "absl/strings/str_cat.h"

namespace registry::controlplane {

int64_t Transaction::Run(absl::string_view sql, absl::Span<const Value> values,
                         absl::FunctionRef<bool(const Row&)> on_row) {
  if (!status_.ok()) return 0;
  // SQLite could do it, PostgreSQL could not.
  if (reading_) {
    status_ = absl::InternalError(
        absl::StrCat("\"", sql.substr(0, 60), "…\" ran while rows of another statement are read"));
    return 0;
  }
  reading_ = true;
  const absl::StatusOr<int64_t> changed = connection_.Run(sql, values, on_row);
  reading_ = false;
  if (changed.ok() && status_.ok()) return *changed;
  status_.Update(changed.status());
  return 0;
}

int64_t Transaction::Execute(absl::string_view sql, absl::Span<const Value> values) {
  return Run(sql, values, [](const Row&) { return true; });
}

void Transaction::Query(absl::string_view sql, absl::Span<const Value> values,
                        absl::FunctionRef<void(const Row&)> on_row) {
  Run(sql, values, [&](const Row& row) {
    on_row(row);
    return true;
  });
}

bool Transaction::Exists(absl::string_view sql, absl::Span<const Value> values) {
  return QueryFirst(sql, values, [](const Row&) { return true; }).value_or(false);
}

}  // namespace registry::controlplane
