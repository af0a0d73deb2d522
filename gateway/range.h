// Byte ranges of requests: `Range: bytes=…` of a download, `Content-Range: a-b` of an upload.
//
// Thread-safe. Sources: RFC 9110 section 14; distribution-spec spec.md#pushing-a-blob-in-chunks.
#ifndef REGISTRY_GATEWAY_RANGE_H_
#define REGISTRY_GATEWAY_RANGE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace registry::gateway {

struct ByteRange {
  int64_t offset;
  int64_t length;
};

// What of `size` bytes to send, in the order of the request; ranges without any byte are left out.
// Empty: everything, because there is no range, it has another unit, is malformed, or asks for more
// than base::kMaxRanges ranges or, in several ranges, for more bytes than there are.
// Error: BLOB_UPLOAD_INVALID (416) when no byte of it exists.
absl::StatusOr<std::vector<ByteRange>> ParseRanges(absl::string_view header, int64_t size);

// `a-b`, both inclusive, as chunked uploads send it (without a unit).
// Error: BLOB_UPLOAD_INVALID (416) when malformed.
absl::StatusOr<ByteRange> ParseUploadRange(absl::string_view header);

}  // namespace registry::gateway

#endif  // REGISTRY_GATEWAY_RANGE_H_
