// Manifests: stores them with their references, finds them by tag or digest.
//
// A repository has the manifests that were pushed to it; all repositories share the stored bytes.
// Only content referenced by manifests is safe from collection.
//
// Thread-safe. Times are milliseconds since the epoch.
#ifndef REGISTRY_CONTROLPLANE_METADATA_MANIFESTS_H_
#define REGISTRY_CONTROLPLANE_METADATA_MANIFESTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "controlplane/sql/database.h"
#include "oci/digest.h"
#include "oci/manifest.h"
#include "oci/name.h"

namespace registry::controlplane {

// A condition on a reference for a change (RFC 9110, 13.1). Entity tags are digests, or "*" for
// any.
struct Precondition {
  // If not empty: the reference exists and is one of these.
  std::vector<std::string> if_match;
  // The reference does not exist, or is none of these.
  std::vector<std::string> if_none_match;
};

struct ManifestPush {
  oci::RepositoryName repository;
  // A tag, or the digest of the content.
  oci::Reference reference;
  // The Content-Type without parameters; empty if the client sent none.
  std::string media_type;
  // The exact bytes.
  absl::string_view content;
  // The user who pushes, for the tag's history.
  std::string principal;
  // Tags to set, if the reference is a digest.
  std::vector<oci::Tag> tags = {};
  Precondition precondition = {};
  // If true, it may reference content that is not in the repository. The reference protects the
  // content from collection once that is pushed.
  bool sparse = false;
};

// A well-formed push.
struct CheckedPush {
  oci::Digest digest;
  oci::Manifest manifest;
};

// Parses and hashes the manifest without the database, so that other writers need not wait.
// Errors: MANIFEST_INVALID; kManifestTooLarge, also for too many descriptors; DIGEST_INVALID if the
// reference is a digest other than the content's; kTooManyTags.
absl::StatusOr<CheckedPush> CheckPush(const ManifestPush& push);

struct PushedManifest {
  oci::Digest digest;
  std::optional<oci::Digest> subject;
};

// Stores a manifest, its references and its tag, in one transaction. Every blob that it references
// must be live and linked here, save foreign layers, and every child must be a manifest here, or a
// blob as in BuildKit's caches. A subject need not exist. Pushing the same again changes nothing.
// Errors: MANIFEST_BLOB_UNKNOWN with the missing digests; kPreconditionFailed.
absl::StatusOr<PushedManifest> PutManifest(Database& database, const ManifestPush& push,
                                           const CheckedPush& checked, int64_t now_ms);

struct StoredManifest {
  oci::Digest digest;
  std::string media_type;
  int64_t size_bytes;
  // Empty if not requested.
  std::string content;
  int64_t repository_id;
  int64_t touched_at_ms;
  // True if a tag names it. Set only for kHead.
  bool tagged = false;
};

// kHead omits the content; the caller should then touch the manifest (touches.h).
enum class ManifestUse { kGet, kHead };

// Only reads. Errors: NAME_UNKNOWN, MANIFEST_UNKNOWN; DATA_LOSS if the stored bytes are damaged.
absl::StatusOr<StoredManifest> GetManifest(Database& database,
                                           const oci::RepositoryName& repository,
                                           const oci::Reference& reference, ManifestUse use);

// Deletes a tag, or a manifest with all its tags.
// Errors: NAME_UNKNOWN, MANIFEST_UNKNOWN, kPreconditionFailed.
absl::Status DeleteManifest(Database& database, const oci::RepositoryName& repository,
                            const oci::Reference& reference, const Precondition& precondition,
                            absl::string_view principal, int64_t now_ms);

// The digest that the reference now names; nullopt if it names nothing.
std::optional<std::string> CurrentDigest(Transaction& t, int64_t repository_id,
                                         const oci::Reference& reference);

// Error: kPreconditionFailed. `current` is the result of CurrentDigest.
absl::Status CheckPrecondition(const Precondition& precondition, const oci::Reference& reference,
                               const std::optional<std::string>& current);

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_METADATA_MANIFESTS_H_
