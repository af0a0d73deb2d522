#include "base/grpc_status.h"

#include "absl/strings/cord.h"
#include "registry/v1/status.pb.h"

namespace registry::base {

// Both enums follow google.rpc.Code.
grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  v1::StatusPayloads payloads;
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& value) {
    (*payloads.mutable_payloads())[std::string(url)] = std::string(value);
  });
  return grpc::Status(static_cast<grpc::StatusCode>(status.raw_code()),
                      std::string(status.message()),
                      payloads.payloads().empty() ? std::string() : payloads.SerializeAsString());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  v1::StatusPayloads payloads;
  if (payloads.ParseFromString(status.error_details())) {
    for (const auto& [url, value] : payloads.payloads()) result.SetPayload(url, absl::Cord(value));
  }
  return result;
}

}  // namespace registry::base
