// Referrers: the manifests whose subject is another one.
//
// Found by an index over the manifests of a repository, so that it does not matter whether the
// subject was pushed before, later or never, nor whether the client also kept a list of its own
// under a tag (the fallback scheme of the specification).
//
// Thread-safe. Source: distribution-spec spec.md#listing-referrers.
#ifndef REGISTRY_CONTROLPLANE_REFERRERS_H_
#define REGISTRY_CONTROLPLANE_REFERRERS_H_

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
  // Empty when the manifest has none.
  std::string artifact_type;
  // A JSON object of strings; empty when there are none.
  std::string annotations;
};

// In bytewise order of the digests.
struct ReferrersPage {
  std::vector<Referrer> referrers;
  // More referrers follow the last one of the page.
  bool more = false;
};

struct ReferrersQuery {
  oci::RepositoryName repository;
  oci::Digest subject;
  // Not empty: only referrers of this type.
  std::string artifact_type;
  // Only referrers whose digest comes after this text.
  std::string last;
  // A limit above base::kMaxReferrersPage is lowered to it. A page that has reached
  // base::kMaxReferrersBytes ends there.
  int limit;
};

// Empty when the repository or the subject is not known.
// Errors: kQueryInvalid when `artifact_type` or `last` is not text; INVALID_ARGUMENT for a limit
// below 0.
absl::StatusOr<ReferrersPage> ListReferrers(Database& database, const ReferrersQuery& query);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_REFERRERS_H_
