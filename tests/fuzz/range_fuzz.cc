// Byte ranges. The input's first line is the size of the blob, the rest is the header.

#include <limits>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "gateway/api/range.h"
#include "tests/fuzz/check.h"

namespace registry::gateway {
namespace {

std::string Format(const ByteRange& range) {
  return absl::StrCat(range.offset, "-", range.offset + (range.length - 1));
}

void CheckRanges(absl::string_view header, int64_t size) {
  const absl::StatusOr<std::vector<ByteRange>> ranges = ParseRanges(header, size);
  if (!ranges.ok()) {
    return fuzz::CheckClientError(ranges.status(), oci::ErrorCode::kBlobUploadInvalid);
  }
  if (ranges->empty()) return;
  FUZZ_CHECK(ranges->size() <= base::kMaxRanges);
  int64_t left = size;
  std::vector<std::string> texts;
  for (const ByteRange& range : *ranges) {
    FUZZ_CHECK(range.offset >= 0 && range.length > 0);
    FUZZ_CHECK(range.offset <= size - range.length);
    // Together no more than the blob, however they overlap.
    FUZZ_CHECK(range.length <= left);
    left -= range.length;
    texts.push_back(Format(range));
  }
  const auto again = ParseRanges(absl::StrCat("bytes=", absl::StrJoin(texts, ", ")), size);
  FUZZ_CHECK(again.ok() && again->size() == ranges->size());
  for (size_t i = 0; i < ranges->size(); ++i) {
    FUZZ_CHECK((*again)[i].offset == (*ranges)[i].offset);
    FUZZ_CHECK((*again)[i].length == (*ranges)[i].length);
  }
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
  registry::gateway::CheckRanges(header, std::max<int64_t>(blob_size, 0));
  registry::gateway::CheckUploadRange(header);
  return 0;
}
