// Lists referrers: the manifests whose subject is a given manifest.
//
// Uses an index over a repository's manifests. It finds referrers whether the subject is pushed
// earlier, later or never, and whether or not the client also maintains a list under a tag (the
// specification's fallback scheme).
//
// Thread-safe. Source: distribution-spec spec.md#listing-referrers.
#ifndef REGISTRY_CONTROLPLANE_METADATA_REFERRERS_H_
#define REGISTRY_CONTROLPLANE_METADATA_REFERRERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/sql/database.h"
#include "oci/digest.h"
#include "oci/name.h"

namespace registry::controlplane {

struct Referrer {
  std::string digest;
  std::string media_type;
  int64_t size_bytes;
  // Empty if the manifest has none.
  std::string artifact_type;
  // A JSON object of strings; empty if there are none.
  std::string annotations;
};

// Sorted bytewise by digest.
struct ReferrersPage {
  std::vector<Referrer> referrers;
  // More referrers follow this page.
  bool more = false;
};

struct ReferrersQuery {
  oci::RepositoryName repository;
  oci::Digest subject;
  // If not empty, lists only referrers of this type.
  std::string artifact_type;
  // Lists only referrers whose digest sorts after this text.
  std::string last;
  // Capped at base::kMaxReferrersPage. A page also ends when it reaches base::kMaxReferrersBytes.
  int limit;
};

// Returns an empty page if the repository or the subject is unknown.
// Errors: kQueryInvalid if `artifact_type` or `last` is not UTF-8 text; INVALID_ARGUMENT for a
// limit below 0.
absl::StatusOr<ReferrersPage> ListReferrers(Database& database, const ReferrersQuery& query);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_METADATA_REFERRERS_H_
