// Values and rows in PostgreSQL's binary format.
#ifndef REGISTRY_CONTROLPLANE_SQL_POSTGRES_VALUES_H_
#define REGISTRY_CONTROLPLANE_SQL_POSTGRES_VALUES_H_

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "controlplane/sql/engine.h"
#include "controlplane/sql/postgres/libpq.h"
#include "controlplane/sql/value.h"

namespace registry::controlplane {

inline constexpr int kPostgresBinary = 1;

// 0 for NULL: PostgreSQL infers the type.
Oid PostgresTypeOf(const Value& value);

// INVALID_ARGUMENT if text is not UTF-8, or contains NUL.
absl::Status CheckPostgresText(absl::Span<const Value> values);

// Values in PostgreSQL's binary format. Refers to the text and bytes of the values.
class PostgresParameters {
 public:
  explicit PostgresParameters(absl::Span<const Value> values);

  int size() const { return static_cast<int>(data_.size()); }
  const char* const* data() const { return data_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  void Add(const char* data, size_t size) {
    data_.push_back(data);
    lengths_.push_back(static_cast<int>(size));
  }

  std::vector<uint64_t> numbers_;
  std::vector<const char*> data_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

// Reads the only row of a result in binary format.
class PostgresRow final : public Row {
 public:
  // Both must outlive the row.
  PostgresRow(const PGresult* result, absl::string_view sql) : result_(result), sql_(sql) {}

  int64_t Int(int column) const override;
  absl::string_view Text(int column) const override;
  absl::string_view Bytes(int column) const override;
  bool IsNull(int column) const override;

  const absl::Status& status() const { return status_; }

 private:
  // The value, if the column has one of `types`.
  absl::string_view Read(int column, std::initializer_list<Oid> types) const;

  const PGresult* const result_;
  const absl::string_view sql_;
  mutable absl::Status status_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_POSTGRES_VALUES_H_
