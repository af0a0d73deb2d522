// Parses the names in a request to MetadataService: a repository, and a digest or a reference.
//
//   const Parsed parsed = Parsed(request->repository()).WithDigest(request->digest());
//   if (!parsed.status().ok()) return parsed.status();
//
// Keeps the first error; use the names only if there is none. Not thread-safe.
#ifndef REGISTRY_CONTROLPLANE_METADATA_PARSED_NAMES_H_
#define REGISTRY_CONTROLPLANE_METADATA_PARSED_NAMES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "oci/digest.h"
#include "oci/name.h"

namespace registry::controlplane {

class Parsed {
 public:
  explicit Parsed(const std::string& repository)
      : repository_(oci::RepositoryName::Parse(repository)), status_(repository_.status()) {}

  Parsed& WithDigest(const std::string& text) {
    digest_ = oci::Digest::Parse(text);
    status_.Update(digest_.status());
    return *this;
  }
  Parsed& WithReference(const std::string& text) {
    reference_ = oci::ParseReference(text);
    status_.Update(reference_.status());
    return *this;
  }

  const absl::Status& status() const { return status_; }
  const oci::RepositoryName& repository() const { return *repository_; }
  const oci::Digest& digest() const { return *digest_; }
  const oci::Reference& reference() const { return *reference_; }

 private:
  absl::StatusOr<oci::RepositoryName> repository_;
  absl::StatusOr<oci::Digest> digest_ = absl::InternalError("not parsed");
  absl::StatusOr<oci::Reference> reference_ = absl::InternalError("not parsed");
  absl::Status status_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_METADATA_PARSED_NAMES_H_
