// Byte ranges. The input's first line is the size of the blob, the rest is the header.

#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gateway/range.h"
#include "tests/fuzz/check.h"

namespace registry::gateway {
namespace {

std::string Format(const ByteRange& range) {
  return absl::StrCat(range.offset, "-", range.offset + (range.length - 1));
}

void CheckRange(absl::string_view header, int64_t size) {
  const absl::StatusOr<std::optional<ByteRange>> parsed = ParseRange(header, size);
  if (!parsed.ok()) {
    return fuzz::CheckClientError(parsed.status(), oci::ErrorCode::kBlobUploadInvalid);
  }
  if (!parsed->has_value()) return;
  const ByteRange range = **parsed;
  FUZZ_CHECK(range.offset >= 0 && range.length > 0);
  FUZZ_CHECK(range.offset <= size - range.length);
  const auto again = ParseRange(absl::StrCat("bytes=", Format(range)), size);
  FUZZ_CHECK(again.ok() && again->has_value());
  FUZZ_CHECK((*again)->offset == range.offset && (*again)->length == range.length);
}

void CheckUploadRange(absl::string_view header) {
  const absl::StatusOr<ByteRange> range = ParseUploadRange(header);
  if (!range.ok()) {
    return fuzz::CheckClientError(range.status(), oci::ErrorCode::kBlobUploadInvalid);
  }
  FUZZ_CHECK(range->offset >= 0 && range->length > 0);
  FUZZ_CHECK(range->offset <= std::numeric_limits<int64_t>::max() - range->length);
  const absl::StatusOr<ByteRange> again = ParseUploadRange(Format(*range));
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(again->offset == range->offset && again->length == range->length);
}

}  // namespace
}  // namespace registry::gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  absl::string_view header = registry::fuzz::ToText(data, size);
  int64_t blob_size = 0;
  if (!absl::SimpleAtoi(registry::fuzz::TakeLine(header), &blob_size)) blob_size = 2000;
  registry::gateway::CheckRange(header, std::max<int64_t>(blob_size, 0));
  registry::gateway::CheckUploadRange(header);
  return 0;
}
