// Reads from gRPC who calls the admin API.
#ifndef REGISTRY_CONTROLPLANE_ADMIN_PEER_H_
#define REGISTRY_CONTROLPLANE_ADMIN_PEER_H_

#include <grpcpp/grpcpp.h>

#include "base/call.h"

namespace registry::controlplane {

// Metadata of calls over the local socket: the operating system's name of the user.
inline constexpr char kLocalUserMetadata[] = "x-local-user";

// The subject of the client's certificate, or "local:NAME" for clients without a certificate, which
// come over the local socket. Such a client chooses the name itself.
base::Peer PeerOf(const grpc::CallbackServerContext& context);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_ADMIN_PEER_H_
