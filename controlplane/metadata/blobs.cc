#include "controlplane/metadata/blobs.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/quote.h"
#include "controlplane/clock.h"
#include "controlplane/metadata/repositories.h"
#include "oci/error.h"

namespace registry::controlplane {
namespace {

BlobRow ReadBlobRow(const Row& row) {
  return {.incarnation = std::string(row.Text(0)),
          .size_bytes = row.Int(1),
          .state = std::string(row.Text(2)),
          .touched_at_ms = row.Int(3)};
}

absl::StatusOr<bool> ChangeState(Database& database, const oci::Digest& digest,
                                 absl::string_view incarnation, absl::string_view from,
                                 absl::string_view to) {
  return RunTransaction(
      database, TransactionMode::kWrite, [&](Transaction& t) -> absl::StatusOr<bool> {
        return t.Execute(
                   "UPDATE blobs SET state = ?4 WHERE digest = ?1 AND incarnation = ?2 AND "
                   "state = ?3",
                   {digest.ToString(), incarnation, from, to}) > 0;
      });
}

}  // namespace

absl::Status BlobUnknown(const oci::RepositoryName& repository, const oci::Digest& digest) {
  return oci::MakeError(oci::ErrorCode::kBlobUnknown,
                        absl::StrCat("blob ", digest.ToString(), " is not in repository ",
                                     base::Quote(repository.ToString())));
}

absl::StatusOr<Blob> GetBlob(Database& database, const oci::RepositoryName& repository,
                             const oci::Digest& digest) {
  return RunTransaction(database, TransactionMode::kRead,
                        [&](Transaction& t) -> absl::StatusOr<Blob> {
                          const std::optional<int64_t> id = FindRepository(t, repository);
                          if (!id.has_value()) return BlobUnknown(repository, digest);
                          const std::optional<BlobRow> row = FindLinkedBlob(t, *id, digest);
                          if (!row.has_value() || row->state == "condemned")
                            return BlobUnknown(repository, digest);
                          return Blob{.size_bytes = row->size_bytes,
                                      .incarnation = row->incarnation,
                                      .nodes = DurableNodes(t, row->incarnation),
                                      .suspect = !row->live(),
                                      .touched_at_ms = row->touched_at_ms};
                        });
}

absl::StatusOr<bool> MarkSuspect(Database& database, const oci::Digest& digest,
                                 absl::string_view incarnation) {
  return ChangeState(database, digest, incarnation, "live", "suspect");
}

absl::StatusOr<bool> MarkLive(Database& database, const oci::Digest& digest,
                              absl::string_view incarnation) {
  return ChangeState(database, digest, incarnation, "suspect", "live");
}

absl::StatusOr<bool> MountBlob(Database& database, const oci::RepositoryName& target,
                               const oci::RepositoryName& source, const oci::Digest& digest,
                               int64_t now_ms) {
  return RunTransaction(database, TransactionMode::kWrite,
                        [&](Transaction& t) -> absl::StatusOr<bool> {
                          const std::optional<int64_t> source_id = FindRepository(t, source);
                          if (!source_id.has_value()) return false;
                          const std::optional<BlobRow> blob = FindLinkedBlob(t, *source_id, digest);
                          if (!blob.has_value() || !blob->live()) return false;
                          LinkBlob(t, EnsureRepository(t, target, now_ms), digest);
                          TouchBlob(t, digest, *blob, now_ms);
                          return true;
                        });
}

absl::StatusOr<std::vector<std::string>> FindMountSources(Database& database,
                                                          const oci::Digest& digest, int limit) {
  return RunTransaction(database, TransactionMode::kRead,
                        [&](Transaction& t) -> absl::StatusOr<std::vector<std::string>> {
                          std::vector<std::string> sources;
                          t.Query(
                              "SELECT r.name FROM blobs AS b "
                              "JOIN repository_blobs AS l ON l.digest = b.digest "
                              "JOIN repositories AS r ON r.id = l.repository_id "
                              "WHERE b.digest = ?1 AND b.state = 'live' LIMIT ?2",
                              {digest.ToString(), std::clamp(limit, 0, base::kMaxMountSources)},
                              [&](const Row& row) { sources.emplace_back(row.Text(0)); });
                          return sources;
                        });
}

absl::Status DeleteBlob(Database& database, const oci::RepositoryName& repository,
                        const oci::Digest& digest) {
  return RunTransaction(database, TransactionMode::kWrite, [&](Transaction& t) -> absl::Status {
    const int64_t unlinked = t.Execute(
        "DELETE FROM repository_blobs WHERE digest = ?2 AND repository_id = "
        "(SELECT id FROM repositories WHERE name = ?1)",
        {repository.ToString(), digest.ToString()});
    return unlinked > 0 ? absl::OkStatus() : BlobUnknown(repository, digest);
  });
}

std::optional<BlobRow> FindBlob(Transaction& t, const oci::Digest& digest) {
  return t.QueryFirst(
      "SELECT incarnation, size_bytes, state, touched_at_ms FROM blobs WHERE digest = ?1",
      {digest.ToString()}, ReadBlobRow);
}

std::optional<BlobRow> FindLinkedBlob(Transaction& t, int64_t repository_id,
                                      const oci::Digest& digest) {
  return t.QueryFirst(
      "SELECT b.incarnation, b.size_bytes, b.state, b.touched_at_ms "
      "FROM repository_blobs AS r JOIN blobs AS b ON b.digest = r.digest "
      "WHERE r.repository_id = ?1 AND r.digest = ?2",
      {repository_id, digest.ToString()}, ReadBlobRow);
}

void LinkBlob(Transaction& t, int64_t repository_id, const oci::Digest& digest) {
  t.Execute(
      "INSERT INTO repository_blobs (repository_id, digest) VALUES (?1, ?2) "
      "ON CONFLICT (repository_id, digest) DO NOTHING",
      {repository_id, digest.ToString()});
}

void TouchBlob(Transaction& t, const oci::Digest& digest, const BlobRow& blob, int64_t now_ms) {
  if (!NeedsTouch(blob.touched_at_ms, now_ms)) return;
  t.Execute("UPDATE blobs SET touched_at_ms = ?2 WHERE digest = ?1", {digest.ToString(), now_ms});
}

bool NeedsTouch(int64_t touched_at_ms, int64_t now_ms) {
  return now_ms - touched_at_ms > ToMs(base::kTouchInterval);
}

std::vector<std::string> DurableNodes(Transaction& t, absl::string_view incarnation) {
  std::vector<std::string> nodes;
  t.Query(
      "SELECT node FROM blob_replicas WHERE incarnation = ?1 AND state = 'durable' ORDER BY node",
      {incarnation}, [&](const Row& row) { nodes.emplace_back(row.Text(0)); });
  return nodes;
}

}  // namespace registry::controlplane
