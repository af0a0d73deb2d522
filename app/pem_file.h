// The PEM files of mutual TLS, read and checked, because gRPC only says that something is wrong
// with them and OpenSSL says what.
//
// Thread-safe.
#ifndef REGISTRY_APP_PEM_FILE_H_
#define REGISTRY_APP_PEM_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace registry::app {

// Their contents.
struct PemFiles {
  // With its chain.
  std::string certificate;
  std::string private_key;
  // Of the peer's certificate.
  std::string ca;
};

struct PemFileNames {
  struct Name {
    // For errors: "-grpccertfile".
    const char* flag;
    std::string path;
  };
  Name certificate;
  Name private_key;
  Name ca;
};

// Errors name the flag and the file: INVALID_ARGUMENT with what OpenSSL says about it; what the
// system says about reading it.
absl::StatusOr<PemFiles> ReadPemFiles(const PemFileNames& names);

}  // namespace registry::app

#endif  // REGISTRY_APP_PEM_FILE_H_
