// Calls the admin API of a registry: over the socket in its data folder, or over TCP with mutual
// TLS.
//
// Thread-safe.
#ifndef REGISTRY_APP_ADMIN_CLIENT_H_
#define REGISTRY_APP_ADMIN_CLIENT_H_

#include <google/protobuf/message.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "app/admin/arguments.h"

namespace registry::app::admin {

class Client {
 public:
  // Errors name the file and the remedy. Create does not connect; the first call does.
  static absl::StatusOr<std::unique_ptr<Client>> Create(const Target& target);

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Calls a method of AdminService, for example "ListUsers", with its messages. Errors: those of
  // the method; UNAVAILABLE, with the address, if the registry does not answer. Blocks up to 30 s.
  absl::Status Call(absl::string_view method, const google::protobuf::Message& request,
                    google::protobuf::Message& response);

 private:
  Client(std::shared_ptr<grpc::Channel> channel, std::string where)
      : stub_(std::move(channel)), where_(std::move(where)) {}

  grpc::TemplatedGenericStub<google::protobuf::Message, google::protobuf::Message> stub_;
  // Named in errors.
  const std::string where_;
};

}  // namespace registry::app::admin

#endif  // REGISTRY_APP_ADMIN_CLIENT_H_
