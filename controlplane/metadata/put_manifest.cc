// Implements CheckPush and PutManifest of manifests.h.
//
// Source: distribution-spec spec.md#pushing-manifests.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/utf8.h"
#include "controlplane/metadata/blobs.h"
#include "controlplane/metadata/manifests.h"
#include "controlplane/metadata/repositories.h"
#include "controlplane/sql/batch.h"
#include "oci/error.h"
#include "oci/manifest.h"

namespace registry::controlplane {
namespace {

// Digests as text, as in the database.
using Names = std::set<std::string, std::less<>>;

std::vector<std::string> ToVector(const Names& names) { return {names.begin(), names.end()}; }

// Returns which of the blobs are live and in the repository, and touches those.
Names FindBlobs(Transaction& t, int64_t repository_id, const Names& digests, int64_t now_ms) {
  Names found;
  std::vector<std::string> stale;
  QueryWithList(t,
                "SELECT b.digest, b.touched_at_ms "
                "FROM repository_blobs AS r JOIN blobs AS b ON b.digest = r.digest "
                "WHERE r.repository_id = ?1 AND b.state = 'live' AND r.digest IN (",
                {repository_id}, ToVector(digests), ")", [&](const Row& row) {
                  found.emplace(row.Text(0));
                  if (NeedsTouch(row.Int(1), now_ms)) stale.emplace_back(row.Text(0));
                });
  ExecuteWithList(t, "UPDATE blobs SET touched_at_ms = ?1 WHERE digest IN (", {now_ms}, stale, ")");
  return found;
}

// Returns which of the manifests are in the repository, and touches those.
Names FindManifests(Transaction& t, int64_t repository_id, const Names& digests, int64_t now_ms) {
  Names found;
  std::vector<std::string> stale;
  QueryWithList(t,
                "SELECT digest, touched_at_ms FROM manifests "
                "WHERE repository_id = ?1 AND digest IN (",
                {repository_id}, ToVector(digests), ")", [&](const Row& row) {
                  found.emplace(row.Text(0));
                  if (NeedsTouch(row.Int(1), now_ms)) stale.emplace_back(row.Text(0));
                });
  ExecuteWithList(
      t, "UPDATE manifests SET touched_at_ms = ?1 WHERE repository_id = ?2 AND digest IN (",
      {now_ms, repository_id}, stale, ")");
  return found;
}

// The manifest's references for its rows, and the missing ones among them.
struct References {
  Names blobs;
  Names children;
  Names missing;
};

References ResolveReferences(Transaction& t, int64_t repository_id, const oci::Manifest& manifest,
                             int64_t now_ms) {
  References references;
  Names required;
  for (const oci::Descriptor& blob : manifest.blobs) {
    references.blobs.insert(blob.digest.ToString());
    if (!blob.foreign) required.insert(blob.digest.ToString());
  }
  Names children;
  for (const oci::Descriptor& child : manifest.children) children.insert(child.digest.ToString());
  references.children = FindManifests(t, repository_id, children, now_ms);

  // A child that is not a manifest may be a blob, as in BuildKit's caches.
  Names may_be_blobs = references.blobs;
  std::set_difference(children.begin(), children.end(), references.children.begin(),
                      references.children.end(), std::inserter(may_be_blobs, may_be_blobs.end()));
  const Names blobs = FindBlobs(t, repository_id, may_be_blobs, now_ms);
  for (const std::string& digest : required) {
    if (!blobs.contains(digest)) references.missing.insert(digest);
  }
  for (const std::string& child : children) {
    if (references.children.contains(child)) continue;
    references.blobs.insert(child);
    if (blobs.contains(child)) continue;
    // It may be pushed later as a manifest or as a blob.
    references.missing.insert(child);
    references.children.insert(child);
  }
  return references;
}

absl::Status ReferencesMissing(const oci::RepositoryName& repository, const Names& missing) {
  const size_t named = std::min(missing.size(), base::kMaxNamedDigests);
  const size_t others = missing.size() - named;
  return oci::MakeError(
      oci::ErrorCode::kManifestBlobUnknown,
      absl::StrCat("the manifest references content that is missing in repository ",
                   base::Quote(repository.ToString()), "; push it first: ",
                   absl::StrJoin(missing.begin(), std::next(missing.begin(), named), ", "),
                   others == 0 ? std::string() : absl::StrCat(" and ", others, " more")));
}

void InsertManifest(Transaction& t, int64_t repository_id, const CheckedPush& checked,
                    absl::string_view content, int64_t now_ms) {
  const std::string& digest = checked.digest.ToString();
  const oci::Manifest& manifest = checked.manifest;
  t.Execute(
      "INSERT INTO manifest_bytes (digest, content) VALUES (?1, ?2) "
      "ON CONFLICT (digest) DO NOTHING",
      {digest, Value::Bytes{content}});
  std::optional<std::string> subject;
  std::optional<std::string> annotations;
  if (manifest.subject.has_value()) {
    subject = manifest.subject->ToString();
    if (!manifest.annotations.empty()) annotations = manifest.annotations;
  }
  t.Execute(
      "INSERT INTO manifests (repository_id, digest, media_type, size_bytes, subject, "
      "artifact_type, annotations, touched_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
      {repository_id, digest, manifest.media_type, content.size(), subject, manifest.artifact_type,
       annotations, now_ms});
}

// Updates an existing manifest. Only its age may differ, and its media type if the body names none.
void UpdateManifest(Transaction& t, int64_t repository_id, const CheckedPush& checked,
                    int64_t now_ms) {
  t.Execute(
      "UPDATE manifests SET media_type = ?3 "
      "WHERE repository_id = ?1 AND digest = ?2 AND media_type <> ?3",
      {repository_id, checked.digest.ToString(), checked.manifest.media_type});
  FindManifests(t, repository_id, {checked.digest.ToString()}, now_ms);
}

// Also runs for an existing manifest: a child that was a blob at the previous push may now be a
// manifest.
void InsertReferences(Transaction& t, int64_t repository_id, const oci::Digest& digest,
                      const References& references) {
  InsertRows(t, "INSERT INTO manifest_blobs (repository_id, manifest, blob) VALUES ",
             {repository_id, digest.ToString()}, ToVector(references.blobs),
             " ON CONFLICT (repository_id, manifest, blob) DO NOTHING");
  InsertRows(t, "INSERT INTO manifest_children (repository_id, manifest, child) VALUES ",
             {repository_id, digest.ToString()}, ToVector(references.children),
             " ON CONFLICT (repository_id, manifest, child) DO NOTHING");
}

}  // namespace

absl::StatusOr<CheckedPush> CheckPush(const ManifestPush& push) {
  if (push.content.size() > base::kMaxManifestBytes) {
    return oci::MakeError(oci::ErrorCode::kManifestTooLarge,
                          absl::StrCat("the manifest has ", push.content.size(), " bytes; at most ",
                                       base::kMaxManifestBytes, " are accepted"));
  }
  if (push.tags.size() > base::kMaxTagParameters) {
    return oci::MakeError(oci::ErrorCode::kTooManyTags,
                          absl::StrCat("the request names ", push.tags.size(), " tags; at most ",
                                       base::kMaxTagParameters, " are accepted"));
  }
  if (!push.tags.empty() && std::holds_alternative<oci::Tag>(push.reference)) {
    return oci::MakeError(oci::ErrorCode::kQueryInvalid,
                          absl::StrCat("the query parameter tag requires a digest in the path, "
                                       "not the tag ",
                                       base::Quote(oci::ToString(push.reference))));
  }
  absl::StatusOr<oci::Manifest> manifest = oci::ParseManifest(push.media_type, push.content);
  if (!manifest.ok()) return manifest.status();
  const size_t descriptors = manifest->blobs.size() + manifest->children.size();
  if (descriptors > base::kMaxManifestDescriptors) {
    return oci::MakeError(oci::ErrorCode::kManifestTooLarge,
                          absl::StrCat("the manifest has ", descriptors, " descriptors; at most ",
                                       base::kMaxManifestDescriptors,
                                       " are accepted: split its content into several manifests"));
  }
  // JSON can contain NUL characters; text columns cannot.
  if (!base::IsUtf8Text(manifest->media_type) || !base::IsUtf8Text(manifest->artifact_type)) {
    return oci::MakeError(oci::ErrorCode::kManifestInvalid,
                          "invalid manifest: media types must be UTF-8 without NUL characters");
  }
  const auto* expected = std::get_if<oci::Digest>(&push.reference);
  const oci::DigestAlgorithm algorithm =
      expected == nullptr ? oci::DigestAlgorithm::kSha256 : expected->algorithm();
  base::Hasher hasher(oci::DigestAlgorithmName(algorithm).data());
  hasher.Update(push.content);
  oci::Digest digest = oci::Digest::FromHash(algorithm, hasher.Finish());
  if (expected != nullptr && *expected != digest) {
    return oci::MakeError(oci::ErrorCode::kDigestInvalid,
                          absl::StrCat("the manifest hashes to ", digest.ToString(), ", not to ",
                                       expected->ToString(), " as the request says"));
  }
  return CheckedPush{.digest = std::move(digest), .manifest = *std::move(manifest)};
}

absl::StatusOr<PushedManifest> PutManifest(Database& database, const ManifestPush& push,
                                           const CheckedPush& checked, int64_t now_ms) {
  absl::Status status =
      RunTransaction(database, TransactionMode::kWrite, [&](Transaction& t) -> absl::Status {
        const int64_t id = EnsureRepository(t, push.repository, now_ms);
        absl::Status precondition = CheckPrecondition(push.precondition, push.reference,
                                                      CurrentDigest(t, id, push.reference));
        if (!precondition.ok()) return precondition;
        const References references = ResolveReferences(t, id, checked.manifest, now_ms);
        if (!references.missing.empty() && !push.sparse) {
          return ReferencesMissing(push.repository, references.missing);
        }
        if (t.Exists("SELECT 1 FROM manifests WHERE repository_id = ?1 AND digest = ?2",
                     {id, checked.digest.ToString()})) {
          UpdateManifest(t, id, checked, now_ms);
        } else {
          InsertManifest(t, id, checked, push.content, now_ms);
        }
        InsertReferences(t, id, checked.digest, references);
        const TagChange change = {
            .repository_id = id, .principal = push.principal, .now_ms = now_ms};
        if (const auto* tag = std::get_if<oci::Tag>(&push.reference)) {
          SetTag(t, change, *tag, checked.digest);
        }
        for (const oci::Tag& tag : push.tags) SetTag(t, change, tag, checked.digest);
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return PushedManifest{.digest = checked.digest, .subject = checked.manifest.subject};
}

}  // namespace registry::controlplane
