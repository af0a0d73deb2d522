#include "controlplane/metadata/uploads.h"

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/quote.h"
#include "controlplane/clock.h"
#include "controlplane/metadata/blobs.h"
#include "controlplane/metadata/repositories.h"
#include "controlplane/storage/trash.h"
#include "oci/error.h"

namespace registry::controlplane {
namespace {

struct Session {
  int64_t repository_id;
  std::string digest_algorithm;
  std::string primary_node;
  bool finished;
  // Set for finished sessions.
  std::string digest;
  int64_t size_bytes = 0;
  int64_t touched_at_ms;
};

std::optional<Session> FindSession(Transaction& t, const oci::RepositoryName& repository,
                                   absl::string_view id) {
  // Other text cannot be an id, and might not be valid as an SQL value.
  if (!base::IsUuid(id)) return std::nullopt;
  return t.QueryFirst(
      "SELECT u.repository_id, u.digest_algorithm, u.primary_node, u.state, "
      "coalesce(u.digest, ''), coalesce(u.size_bytes, 0), u.touched_at_ms "
      "FROM uploads AS u JOIN repositories AS r ON r.id = u.repository_id "
      "WHERE u.id = ?1 AND r.name = ?2",
      {id, repository.ToString()}, [](const Row& row) {
        return Session{.repository_id = row.Int(0),
                       .digest_algorithm = std::string(row.Text(1)),
                       .primary_node = std::string(row.Text(2)),
                       .finished = row.Text(3) == "finished",
                       .digest = std::string(row.Text(4)),
                       .size_bytes = row.Int(5),
                       .touched_at_ms = row.Int(6)};
      });
}

absl::StatusOr<Upload> ToUpload(Transaction& t, absl::string_view id, const Session& session) {
  absl::StatusOr<oci::DigestAlgorithm> algorithm =
      oci::ParseDigestAlgorithm(session.digest_algorithm);
  if (!algorithm.ok()) return absl::DataLossError(algorithm.status().message());
  Upload upload = {.id = std::string(id),
                   .digest_algorithm = *algorithm,
                   .nodes = {},
                   .committed = {},
                   .touched_at_ms = session.touched_at_ms};
  t.Query(
      "SELECT node FROM blob_replicas WHERE incarnation = ?1 AND state <> 'deleting' "
      "ORDER BY CASE WHEN node = ?2 THEN 0 ELSE 1 END, node",
      {id, session.primary_node}, [&](const Row& row) { upload.nodes.emplace_back(row.Text(0)); });
  if (session.finished) {
    absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(session.digest);
    if (!digest.ok()) return absl::DataLossError(digest.status().message());
    upload.committed = {.digest = *std::move(digest), .size_bytes = session.size_bytes};
  }
  return upload;
}

absl::Status MarkDurable(Transaction& t, const UploadCommit& commit) {
  for (const std::string& node : commit.durable_nodes) {
    const int64_t marked =
        t.Execute("UPDATE blob_replicas SET state = 'durable' WHERE incarnation = ?1 AND node = ?2",
                  {commit.upload_id, node});
    if (marked == 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "storage node ", base::Quote(node), " is not a node of upload ", commit.upload_id));
    }
  }
  return absl::OkStatus();
}

// Makes the blob live with this incarnation, whatever its former state.
void MakeLive(Transaction& t, const UploadCommit& commit, int64_t now_ms) {
  t.Execute(
      "INSERT INTO blobs (digest, incarnation, size_bytes, state, touched_at_ms) "
      "VALUES (?1, ?2, ?3, 'live', ?4) ON CONFLICT (digest) DO UPDATE "
      "SET incarnation = excluded.incarnation, size_bytes = excluded.size_bytes, state = 'live', "
      "touched_at_ms = excluded.touched_at_ms",
      {commit.digest.ToString(), commit.upload_id, commit.size_bytes, now_ms});
}

bool IsLinkedAndLive(Transaction& t, int64_t repository_id, const oci::Digest& digest) {
  const std::optional<BlobRow> blob = FindLinkedBlob(t, repository_id, digest);
  return blob.has_value() && blob->live();
}

absl::Status Commit(Transaction& t, const UploadCommit& commit, int64_t now_ms) {
  const std::optional<Session> session = FindSession(t, commit.repository, commit.upload_id);
  if (!session.has_value()) return UploadUnknown(commit.repository, commit.upload_id);
  if (session->finished) {
    // Another request has committed it, or the client repeats one whose response was lost.
    if (session->digest == commit.digest.ToString() &&
        IsLinkedAndLive(t, session->repository_id, commit.digest)) {
      return absl::OkStatus();
    }
    return UploadUnknown(commit.repository, commit.upload_id);
  }
  if (absl::Status status = MarkDurable(t, commit); !status.ok()) return status;
  // The new bytes were just hashed; the state of the old ones is unknown.
  if (const std::optional<BlobRow> old = FindBlob(t, commit.digest)) {
    MoveToTrash(t, old->incarnation, commit.digest.ToString(), now_ms + ToMs(base::kTrashHold));
  }
  MakeLive(t, commit, now_ms);
  LinkBlob(t, session->repository_id, commit.digest);
  t.Execute(
      "UPDATE uploads SET state = 'finished', digest = ?2, size_bytes = ?3, touched_at_ms = ?4 "
      "WHERE id = ?1",
      {commit.upload_id, commit.digest.ToString(), commit.size_bytes, now_ms});
  return absl::OkStatus();
}

}  // namespace

absl::Status UploadUnknown(const oci::RepositoryName& repository, absl::string_view id) {
  return oci::MakeError(
      oci::ErrorCode::kBlobUploadUnknown,
      absl::StrCat("upload ", base::Quote(id), " is unknown in repository ",
                   base::Quote(repository.ToString()),
                   ": it expired, was cancelled or is finished; start a new one"));
}

void EndSession(Transaction& t, absl::string_view id, int64_t now_ms) {
  MoveUnfinishedToTrash(t, id, now_ms);
  t.Execute("DELETE FROM uploads WHERE id = ?1", {id});
}

absl::StatusOr<Upload> BeginUpload(Database& database, const oci::RepositoryName& repository,
                                   oci::DigestAlgorithm algorithm, absl::string_view principal,
                                   const std::vector<std::string>& nodes, int64_t now_ms) {
  if (nodes.empty()) {
    return absl::UnavailableError("no storage node can take an upload now; try again later");
  }
  Upload upload = {
      .id = base::NewUuid7(), .digest_algorithm = algorithm, .nodes = nodes, .committed = {}};
  absl::Status status = RunTransaction(
      database, TransactionMode::kUnflushedWrite, [&](Transaction& t) -> absl::Status {
        t.Execute(
            "INSERT INTO uploads (id, repository_id, digest_algorithm, primary_node, state, "
            "started_at_ms, touched_at_ms, principal) "
            "VALUES (?1, ?2, ?3, ?4, 'open', ?5, ?5, ?6)",
            {upload.id, EnsureRepository(t, repository, now_ms),
             oci::DigestAlgorithmName(algorithm), nodes.front(), now_ms, principal});
        for (const std::string& node : nodes) {
          t.Execute(
              "INSERT INTO blob_replicas (incarnation, node, state) VALUES (?1, ?2, 'writing')",
              {upload.id, node});
        }
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return upload;
}

absl::StatusOr<Upload> GetUpload(Database& database, const oci::RepositoryName& repository,
                                 absl::string_view id) {
  return RunTransaction(database, TransactionMode::kRead,
                        [&](Transaction& t) -> absl::StatusOr<Upload> {
                          const std::optional<Session> session = FindSession(t, repository, id);
                          if (!session.has_value()) return UploadUnknown(repository, id);
                          return ToUpload(t, id, *session);
                        });
}

absl::Status CommitUpload(Database& database, const UploadCommit& commit, int64_t now_ms) {
  if (commit.size_bytes < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a blob cannot have ", commit.size_bytes, " bytes"));
  }
  if (commit.durable_nodes.empty()) {
    return absl::InvalidArgumentError("no storage node holds the bytes durably");
  }
  return RunTransaction(database, TransactionMode::kWrite,
                        [&](Transaction& t) { return Commit(t, commit, now_ms); });
}

absl::Status CancelUpload(Database& database, const oci::RepositoryName& repository,
                          absl::string_view id, int64_t now_ms) {
  return RunTransaction(database, TransactionMode::kWrite, [&](Transaction& t) -> absl::Status {
    const std::optional<Session> session = FindSession(t, repository, id);
    if (!session.has_value() || session->finished) return UploadUnknown(repository, id);
    EndSession(t, id, now_ms);
    return absl::OkStatus();
  });
}

absl::StatusOr<int64_t> ExpireUploads(Database& database, int limit, int64_t now_ms) {
  return RunTransaction(
      database, TransactionMode::kWrite, [&](Transaction& t) -> absl::StatusOr<int64_t> {
        std::vector<std::string> idle;
        t.Query(
            "SELECT id FROM uploads WHERE state = 'open' AND touched_at_ms < ?1 "
            "ORDER BY touched_at_ms LIMIT ?2",
            {now_ms - ToMs(base::kUploadIdleExpiry), limit},
            [&](const Row& row) { idle.emplace_back(row.Text(0)); });
        for (const std::string& id : idle) EndSession(t, id, now_ms);
        const int64_t forgotten = t.Execute(
            "DELETE FROM uploads WHERE id IN (SELECT id FROM uploads WHERE state = 'finished' "
            "AND touched_at_ms < ?1 ORDER BY touched_at_ms LIMIT ?2)",
            {now_ms - ToMs(base::kFinishedUploadExpiry), limit});
        return static_cast<int64_t>(idle.size()) + forgotten;
      });
}

}  // namespace registry::controlplane
