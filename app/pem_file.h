// Reads and checks the PEM files for mutual TLS. gRPC reports only that a file is bad; this code
// asks OpenSSL for the reason.
//
// Thread-safe.
#ifndef REGISTRY_APP_PEM_FILE_H_
#define REGISTRY_APP_PEM_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace registry::app {

// Contents of the files.
struct PemFiles {
  // Includes its chain.
  std::string certificate;
  std::string private_key;
  // The CA of the peer's certificate.
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

// Errors name the flag and the file: INVALID_ARGUMENT with OpenSSL's reason, or the system's error
// from reading it.
absl::StatusOr<PemFiles> ReadPemFiles(const PemFileNames& names);

}  // namespace registry::app

#endif  // REGISTRY_APP_PEM_FILE_H_
