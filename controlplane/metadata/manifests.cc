#include "controlplane/metadata/manifests.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/quote.h"
#include "controlplane/metadata/repositories.h"
#include "oci/error.h"

namespace registry::controlplane {
namespace {

absl::Status ManifestUnknown(const oci::RepositoryName& repository,
                             const oci::Reference& reference) {
  return oci::MakeError(oci::ErrorCode::kManifestUnknown,
                        absl::StrCat("manifest ", base::Quote(oci::ToString(reference)),
                                     " is not in repository ", base::Quote(repository.ToString())));
}

struct FoundManifest {
  std::string digest;
  std::string media_type;
  int64_t size_bytes;
  int64_t touched_at_ms;
};

FoundManifest ReadFoundManifest(const Row& row) {
  return {.digest = std::string(row.Text(0)),
          .media_type = std::string(row.Text(1)),
          .size_bytes = row.Int(2),
          .touched_at_ms = row.Int(3)};
}

std::optional<FoundManifest> FindManifest(Transaction& t, int64_t repository_id,
                                          const oci::Reference& reference) {
  if (const auto* tag = std::get_if<oci::Tag>(&reference)) {
    return t.QueryFirst(
        "SELECT m.digest, m.media_type, m.size_bytes, m.touched_at_ms "
        "FROM tags AS t JOIN manifests AS m "
        "ON m.repository_id = t.repository_id AND m.digest = t.digest "
        "WHERE t.repository_id = ?1 AND t.name = ?2",
        {repository_id, tag->ToString()}, ReadFoundManifest);
  }
  return t.QueryFirst(
      "SELECT digest, media_type, size_bytes, touched_at_ms FROM manifests "
      "WHERE repository_id = ?1 AND digest = ?2",
      {repository_id, oci::ToString(reference)}, ReadFoundManifest);
}

// SQLite does not notice a changed byte in a row.
absl::Status CheckContent(const StoredManifest& manifest) {
  base::Hasher hasher(manifest.digest.algorithm_name().data());
  hasher.Update(manifest.content);
  if (oci::Digest::FromHash(manifest.digest.algorithm(), hasher.Finish()) == manifest.digest) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat("the stored bytes of manifest ",
                                          manifest.digest.ToString(),
                                          " are damaged: restore the database from a backup"));
}

absl::StatusOr<StoredManifest> ReadManifest(Database& database,
                                            const oci::RepositoryName& repository,
                                            const oci::Reference& reference, ManifestUse use) {
  return RunTransaction(
      database, TransactionMode::kRead, [&](Transaction& t) -> absl::StatusOr<StoredManifest> {
        const std::optional<int64_t> id = FindRepository(t, repository);
        if (!id.has_value()) return RepositoryUnknown(repository);
        std::optional<FoundManifest> found = FindManifest(t, *id, reference);
        if (!found.has_value()) return ManifestUnknown(repository, reference);
        absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(found->digest);
        if (!digest.ok()) return absl::DataLossError(digest.status().message());
        StoredManifest manifest = {.digest = *std::move(digest),
                                   .media_type = std::move(found->media_type),
                                   .size_bytes = found->size_bytes,
                                   .content = {},
                                   .repository_id = *id,
                                   .touched_at_ms = found->touched_at_ms};
        if (use == ManifestUse::kGet) {
          manifest.content =
              t.QueryFirst("SELECT content FROM manifest_bytes WHERE digest = ?1", {found->digest},
                           [](const Row& row) { return std::string(row.Bytes(0)); })
                  .value_or("");
        } else {
          manifest.tagged =
              std::holds_alternative<oci::Tag>(reference) ||
              t.Exists("SELECT 1 FROM tags WHERE repository_id = ?1 AND digest = ?2 LIMIT 1",
                       {*id, found->digest});
        }
        return manifest;
      });
}

void DeleteByDigest(Transaction& t, const TagChange& change, const oci::Digest& digest) {
  DeleteTagsOf(t, change, digest);
  const std::string& text = digest.ToString();
  t.Execute("DELETE FROM manifest_blobs WHERE repository_id = ?1 AND manifest = ?2",
            {change.repository_id, text});
  t.Execute("DELETE FROM manifest_children WHERE repository_id = ?1 AND manifest = ?2",
            {change.repository_id, text});
  t.Execute("DELETE FROM manifests WHERE repository_id = ?1 AND digest = ?2",
            {change.repository_id, text});
  t.Execute(
      "DELETE FROM manifest_bytes WHERE digest = ?1 "
      "AND NOT EXISTS (SELECT 1 FROM manifests WHERE manifests.digest = manifest_bytes.digest)",
      {text});
}

}  // namespace

absl::StatusOr<StoredManifest> GetManifest(Database& database,
                                           const oci::RepositoryName& repository,
                                           const oci::Reference& reference, ManifestUse use) {
  absl::StatusOr<StoredManifest> manifest = ReadManifest(database, repository, reference, use);
  if (!manifest.ok() || use == ManifestUse::kHead) return manifest;
  // Outside the transaction, because an open transaction prevents truncating the database's log.
  if (absl::Status status = CheckContent(*manifest); !status.ok()) return status;
  return manifest;
}

absl::Status DeleteManifest(Database& database, const oci::RepositoryName& repository,
                            const oci::Reference& reference, const Precondition& precondition,
                            absl::string_view principal, int64_t now_ms) {
  return RunTransaction(database, TransactionMode::kWrite, [&](Transaction& t) -> absl::Status {
    const std::optional<int64_t> id = FindRepository(t, repository);
    if (!id.has_value()) return RepositoryUnknown(repository);
    const std::optional<std::string> current = CurrentDigest(t, *id, reference);
    if (!current.has_value()) return ManifestUnknown(repository, reference);
    if (absl::Status status = CheckPrecondition(precondition, reference, current); !status.ok()) {
      return status;
    }
    const TagChange change = {.repository_id = *id, .principal = principal, .now_ms = now_ms};
    if (const auto* tag = std::get_if<oci::Tag>(&reference)) {
      DeleteTag(t, change, *tag);
    } else {
      DeleteByDigest(t, change, std::get<oci::Digest>(reference));
    }
    return absl::OkStatus();
  });
}

std::optional<std::string> CurrentDigest(Transaction& t, int64_t repository_id,
                                         const oci::Reference& reference) {
  std::optional<FoundManifest> found = FindManifest(t, repository_id, reference);
  if (!found.has_value()) return std::nullopt;
  return std::move(found->digest);
}

absl::Status CheckPrecondition(const Precondition& precondition, const oci::Reference& reference,
                               const std::optional<std::string>& current) {
  const auto names = [&](const std::vector<std::string>& entity_tags) {
    return current.has_value() &&
           std::any_of(entity_tags.begin(), entity_tags.end(),
                       [&](const std::string& tag) { return tag == "*" || tag == *current; });
  };
  const bool holds = (precondition.if_match.empty() || names(precondition.if_match)) &&
                     !names(precondition.if_none_match);
  if (holds) return absl::OkStatus();
  return oci::MakeError(
      oci::ErrorCode::kPreconditionFailed,
      absl::StrCat(
          base::Quote(oci::ToString(reference)),
          current.has_value() ? absl::StrCat(" is now ", *current) : std::string(" does not exist"),
          ", which the request's If-Match or If-None-Match excludes: another client may "
          "have changed it; read it again"));
}

}  // namespace registry::controlplane
