// A transaction, as its body sees it; RunTransaction (database.h) begins and ends it.
#ifndef REGISTRY_CONTROLPLANE_SQL_TRANSACTION_H_
#define REGISTRY_CONTROLPLANE_SQL_TRANSACTION_H_

#include <cstdint>
#include <optional>
#include <type_traits>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "controlplane/sql/engine.h"
#include "controlplane/sql/value.h"

namespace registry::controlplane {

// After the first error, calls do nothing and find nothing, and the
// transaction fails with that error whatever the body returns. So a body need not check each call.
class Transaction {
 public:
  Transaction(Engine& engine, Connection& connection) : engine_(engine), connection_(connection) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Runs a statement that returns no rows. Returns how many rows it changed.
  int64_t Execute(absl::string_view sql, absl::Span<const Value> values = {});

  // Calls `on_row` for each row; it must not run statements.
  void Query(absl::string_view sql, absl::Span<const Value> values,
             absl::FunctionRef<void(const Row&)> on_row);

  // The result of `read` for the first row; nullopt if there is no row.
  template <class Read>
  auto QueryFirst(absl::string_view sql, absl::Span<const Value> values, Read read)
      -> std::optional<std::invoke_result_t<Read&, const Row&>> {
    std::optional<std::invoke_result_t<Read&, const Row&>> result;
    Run(sql, values, [&](const Row& row) {
      result.emplace(read(row));
      return false;
    });
    if (!status_.ok()) return std::nullopt;
    return result;
  }

  // Returns true if there is a row.
  bool Exists(absl::string_view sql, absl::Span<const Value> values);

  // Ends a SELECT of rows that a transaction of kPoll takes.
  absl::string_view skip_locked() const { return engine_.skip_locked(); }

  // The first error.
  const absl::Status& status() const { return status_; }

 private:
  int64_t Run(absl::string_view sql, absl::Span<const Value> values,
              absl::FunctionRef<bool(const Row&)> on_row);

  Engine& engine_;
  Connection& connection_;
  bool reading_ = false;
  absl::Status status_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_TRANSACTION_H_
