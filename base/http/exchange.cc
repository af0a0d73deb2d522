#include "base/http/exchange.h"

#include "absl/strings/cord.h"

namespace registry::http {
namespace {

constexpr absl::string_view kMalformedBodyUrl = "simple-registry/malformed-body";

}  // namespace

absl::Status MalformedBody(absl::string_view message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kMalformedBodyUrl, absl::Cord());
  return status;
}

bool IsMalformedBody(const absl::Status& status) {
  return status.GetPayload(kMalformedBodyUrl).has_value();
}

}  // namespace registry::http
