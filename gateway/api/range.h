// Parses byte ranges: `Range: bytes=…` of downloads, `Content-Range: a-b` of uploads.
//
// Thread-safe. Sources: RFC 9110 section 14; distribution-spec spec.md#pushing-a-blob-in-chunks.
#ifndef REGISTRY_GATEWAY_API_RANGE_H_
#define REGISTRY_GATEWAY_API_RANGE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace registry::gateway {

struct ByteRange {
  int64_t offset;
  int64_t length;
};

// The ranges of `size` bytes to send, in the order of the request, without ranges that have no
// bytes. An empty result means everything: the header is missing, malformed or has another unit,
// has more than base::kMaxRanges ranges, or asks in several ranges for more bytes than there are.
// Error: BLOB_UPLOAD_INVALID (416) if no requested byte exists.
absl::StatusOr<std::vector<ByteRange>> ParseRanges(absl::string_view header, int64_t size);

// Parses `a-b`, both inclusive and without a unit, as chunked uploads send it.
// Error: BLOB_UPLOAD_INVALID (416) if malformed.
absl::StatusOr<ByteRange> ParseUploadRange(absl::string_view header);

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_API_RANGE_H_
