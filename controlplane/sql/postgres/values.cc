#include "controlplane/sql/postgres/values.h"

#include <endian.h>

#include <algorithm>
#include <cstring>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/utf8.h"

namespace registry::controlplane {
namespace {

// Types of PostgreSQL's catalog (pg_type.dat).
constexpr Oid kBool = 16;
constexpr Oid kBytea = 17;
constexpr Oid kName = 19;
constexpr Oid kInt8 = 20;
constexpr Oid kInt4 = 23;
constexpr Oid kText = 25;
constexpr Oid kVarchar = 1043;

}  // namespace

Oid PostgresTypeOf(const Value& value) {
  if (std::holds_alternative<int64_t>(value.variant())) return kInt8;
  if (std::holds_alternative<absl::string_view>(value.variant())) return kText;
  if (std::holds_alternative<Value::Bytes>(value.variant())) return kBytea;
  return 0;
}

absl::Status CheckPostgresText(absl::Span<const Value> values) {
  for (const Value& value : values) {
    const auto* text = std::get_if<absl::string_view>(&value.variant());
    if (text != nullptr && !base::IsUtf8Text(*text)) {
      return absl::InvalidArgumentError("text must be valid UTF-8 without NUL characters");
    }
  }
  return absl::OkStatus();
}

PostgresParameters::PostgresParameters(absl::Span<const Value> values) : numbers_(values.size()) {
  for (size_t i = 0; i < values.size(); ++i) {
    const Value::Variant& value = values[i].variant();
    if (const auto* number = std::get_if<int64_t>(&value)) {
      numbers_[i] = htobe64(static_cast<uint64_t>(*number));
      Add(reinterpret_cast<const char*>(&numbers_[i]), sizeof numbers_[i]);
    } else if (const auto* text = std::get_if<absl::string_view>(&value)) {
      Add(text->empty() ? "" : text->data(), text->size());
    } else if (const auto* bytes = std::get_if<Value::Bytes>(&value)) {
      Add(bytes->data.empty() ? "" : bytes->data.data(), bytes->data.size());
    } else {
      Add(nullptr, 0);
    }
    formats_.push_back(kPostgresBinary);
  }
}

absl::string_view PostgresRow::Read(int column, std::initializer_list<Oid> types) const {
  const bool fits =
      column < libpq().PQnfields(result_) && libpq().PQgetisnull(result_, 0, column) == 0 &&
      std::find(types.begin(), types.end(), libpq().PQftype(result_, column)) != types.end();
  if (!fits) {
    status_.Update(absl::InternalError(absl::StrCat("column ", column, " of \"", sql_.substr(0, 60),
                                                    "…\" is not of the requested type")));
    return "";
  }
  return absl::string_view(libpq().PQgetvalue(result_, 0, column),
                           libpq().PQgetlength(result_, 0, column));
}

int64_t PostgresRow::Int(int column) const {
  const absl::string_view data = Read(column, {kInt8, kInt4, kBool});
  uint64_t big_endian = 0;
  if (data.size() == sizeof big_endian) {
    std::memcpy(&big_endian, data.data(), sizeof big_endian);
    return static_cast<int64_t>(be64toh(big_endian));
  }
  if (uint32_t half = 0; data.size() == sizeof half) {
    std::memcpy(&half, data.data(), sizeof half);
    return static_cast<int32_t>(be32toh(half));
  }
  return data.empty() ? 0 : data[0];
}

absl::string_view PostgresRow::Text(int column) const {
  return Read(column, {kText, kVarchar, kName});
}

absl::string_view PostgresRow::Bytes(int column) const { return Read(column, {kBytea}); }

bool PostgresRow::IsNull(int column) const { return libpq().PQgetisnull(result_, 0, column) != 0; }

}  // namespace registry::controlplane
