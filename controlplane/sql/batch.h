// Runs statements over many names, in batches that both engines accept.
//
//   QueryWithList(t, "SELECT digest FROM manifests WHERE repository_id = ?1 AND digest IN (",
//                 {repository_id}, digests, ")", [&](const Row& row) { … });
//
// A statement has at most base::kSqlBatch names. It uses only a few different sizes, because each
// is a separate prepared statement.
#ifndef REGISTRY_CONTROLPLANE_SQL_BATCH_H_
#define REGISTRY_CONTROLPLANE_SQL_BATCH_H_

#include <initializer_list>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "controlplane/sql/database.h"
#include "controlplane/sql/value.h"

namespace registry::controlplane {

// Runs `before`, then placeholders of names, then `after`. The values in `shared` are ?1, ?2, ….
void QueryWithList(Transaction& t, absl::string_view before, std::initializer_list<Value> shared,
                   absl::Span<const std::string> names, absl::string_view after,
                   absl::FunctionRef<void(const Row&)> on_row);

// Same for a statement without result rows.
void ExecuteWithList(Transaction& t, absl::string_view before, std::initializer_list<Value> shared,
                     absl::Span<const std::string> names, absl::string_view after);

// Inserts a row for each name: the values in `shared`, then the name.
void InsertRows(Transaction& t, absl::string_view before, std::initializer_list<Value> shared,
                absl::Span<const std::string> names, absl::string_view after);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_BATCH_H_
