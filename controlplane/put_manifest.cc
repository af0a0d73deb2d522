// PutManifest of manifests.h.
//
// Source: distribution-spec spec.md#pushing-manifests.
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "controlplane/blobs.h"
#include "controlplane/manifests.h"
#include "controlplane/repositories.h"
#include "oci/error.h"
#include "oci/manifest.h"

namespace registry::controlplane {
namespace {

// A push that was found to be well-formed.
struct CheckedPush {
  oci::Digest digest;
  oci::Manifest manifest;
};

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
                          absl::StrCat("the query parameter tag goes with a digest in the path, "
                                       "not with the tag ",
                                       oci::Quote(oci::ToString(push.reference))));
  }
  absl::StatusOr<oci::Manifest> manifest = oci::ParseManifest(push.media_type, push.content);
  if (!manifest.ok()) return manifest.status();
  // JSON can hold NUL characters, which text columns cannot.
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

// What the rows of the manifest will be, sorted and each once.
struct References {
  std::set<oci::Digest> blobs;
  std::set<oci::Digest> children;
  std::set<oci::Digest> missing;
};

// Touches what it finds.
bool FindReferencedBlob(Transaction& t, int64_t repository_id, const oci::Digest& digest,
                        int64_t now_ms) {
  const std::optional<BlobRow> blob = FindLinkedBlob(t, repository_id, digest);
  if (!blob.has_value() || !blob->live()) return false;
  TouchBlob(t, digest, *blob, now_ms);
  return true;
}

// Touches what it finds.
bool FindChildManifest(Transaction& t, int64_t repository_id, const oci::Digest& digest,
                       int64_t now_ms) {
  const std::optional<int64_t> touched_at_ms =
      t.QueryFirst("SELECT touched_at_ms FROM manifests WHERE repository_id = ?1 AND digest = ?2",
                   {repository_id, digest.ToString()}, [](const Row& row) { return row.Int(0); });
  if (!touched_at_ms.has_value()) return false;
  if (NeedsTouch(*touched_at_ms, now_ms)) {
    t.Execute("UPDATE manifests SET touched_at_ms = ?3 WHERE repository_id = ?1 AND digest = ?2",
              {repository_id, digest.ToString(), now_ms});
  }
  return true;
}

References ResolveReferences(Transaction& t, int64_t repository_id, const oci::Manifest& manifest,
                             int64_t now_ms) {
  References references;
  for (const oci::Descriptor& blob : manifest.blobs) {
    references.blobs.insert(blob.digest);
    const bool found = FindReferencedBlob(t, repository_id, blob.digest, now_ms);
    if (!found && !blob.foreign) references.missing.insert(blob.digest);
  }
  for (const oci::Descriptor& child : manifest.children) {
    if (references.children.contains(child.digest)) continue;
    if (FindChildManifest(t, repository_id, child.digest, now_ms)) {
      references.children.insert(child.digest);
    } else if (FindReferencedBlob(t, repository_id, child.digest, now_ms)) {
      references.blobs.insert(child.digest);
    } else {
      // Nobody knows yet as what it will come.
      references.missing.insert(child.digest);
      references.children.insert(child.digest);
      references.blobs.insert(child.digest);
    }
  }
  return references;
}

absl::Status ReferencesMissing(const oci::RepositoryName& repository,
                               const std::set<oci::Digest>& missing) {
  std::vector<absl::string_view> named;
  for (const oci::Digest& digest : missing) {
    if (named.size() == base::kMaxNamedDigests) break;
    named.push_back(digest.ToString());
  }
  const size_t others = missing.size() - named.size();
  return oci::MakeError(
      oci::ErrorCode::kManifestBlobUnknown,
      absl::StrCat("the manifest references what is not in repository ",
                   oci::Quote(repository.ToString()),
                   "; push it first: ", absl::StrJoin(named, ", "),
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

// Of a manifest that is here already only these may differ: its age, and its media type where the
// body names none.
void UpdateManifest(Transaction& t, int64_t repository_id, const CheckedPush& checked,
                    int64_t now_ms) {
  t.Execute(
      "UPDATE manifests SET media_type = ?3 "
      "WHERE repository_id = ?1 AND digest = ?2 AND media_type <> ?3",
      {repository_id, checked.digest.ToString(), checked.manifest.media_type});
  FindChildManifest(t, repository_id, checked.digest, now_ms);
}

// A child that was a blob when the same manifest was pushed before may be a manifest now.
void InsertReferences(Transaction& t, int64_t repository_id, const oci::Digest& digest,
                      const References& references) {
  for (const oci::Digest& blob : references.blobs) {
    t.Execute(
        "INSERT INTO manifest_blobs (repository_id, manifest, blob) VALUES (?1, ?2, ?3) "
        "ON CONFLICT (repository_id, manifest, blob) DO NOTHING",
        {repository_id, digest.ToString(), blob.ToString()});
  }
  for (const oci::Digest& child : references.children) {
    t.Execute(
        "INSERT INTO manifest_children (repository_id, manifest, child) VALUES (?1, ?2, ?3) "
        "ON CONFLICT (repository_id, manifest, child) DO NOTHING",
        {repository_id, digest.ToString(), child.ToString()});
  }
}

}  // namespace

absl::StatusOr<PushedManifest> PutManifest(Database& database, const ManifestPush& push,
                                           int64_t now_ms) {
  const absl::StatusOr<CheckedPush> checked = CheckPush(push);
  if (!checked.ok()) return checked.status();
  absl::Status status =
      RunTransaction(database, TransactionMode::kWrite, [&](Transaction& t) -> absl::Status {
        const int64_t id = EnsureRepository(t, push.repository, now_ms);
        absl::Status precondition = CheckPrecondition(push.precondition, push.reference,
                                                      CurrentDigest(t, id, push.reference));
        if (!precondition.ok()) return precondition;
        const References references = ResolveReferences(t, id, checked->manifest, now_ms);
        if (!references.missing.empty() && !push.sparse) {
          return ReferencesMissing(push.repository, references.missing);
        }
        if (t.Exists("SELECT 1 FROM manifests WHERE repository_id = ?1 AND digest = ?2",
                     {id, checked->digest.ToString()})) {
          UpdateManifest(t, id, *checked, now_ms);
        } else {
          InsertManifest(t, id, *checked, push.content, now_ms);
        }
        InsertReferences(t, id, checked->digest, references);
        const TagChange change = {
            .repository_id = id, .principal = push.principal, .now_ms = now_ms};
        if (const auto* tag = std::get_if<oci::Tag>(&push.reference)) {
          SetTag(t, change, *tag, checked->digest);
        }
        for (const oci::Tag& tag : push.tags) SetTag(t, change, tag, checked->digest);
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return PushedManifest{.digest = checked->digest, .subject = checked->manifest.subject};
}

}  // namespace registry::controlplane
