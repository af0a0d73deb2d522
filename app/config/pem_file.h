// Reads and checks the PEM files for TLS. gRPC reports only that a file is bad, and OpenSSL would
// ask for the passphrase of an encrypted key at the terminal; this code does neither.
//
// Thread-safe.
#ifndef REGISTRY_APP_CONFIG_PEM_FILE_H_
#define REGISTRY_APP_CONFIG_PEM_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace registry::app {

// Contents of the files.
struct PemFiles {
  // Includes its chain.
  std::string certificate;
  std::string private_key;
  // The CA of the peer's certificate; empty if no file was named.
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
  // With an empty path, the peer needs no certificate.
  Name ca = {"", ""};
};

// Errors name the flag and the file: INVALID_ARGUMENT with OpenSSL's reason, also when the key is
// encrypted or belongs to another certificate; those of open(2) and read(2).
absl::StatusOr<PemFiles> ReadPemFiles(const PemFileNames& names);

}  // namespace registry::app

#endif  // REGISTRY_APP_CONFIG_PEM_FILE_H_
