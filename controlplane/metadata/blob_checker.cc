#include "controlplane/metadata/blob_checker.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"

namespace registry::controlplane {

void BlobChecker::Check(const oci::Digest& digest, const Blob& blob,
                        std::function<void(absl::StatusOr<Finding>)> done) {
  const StoredCopies copies = {
      .incarnation = blob.incarnation, .size_bytes = blob.size_bytes, .nodes = blob.nodes};
  NodeClient(*options_.nodes)
      .Check(copies, digest,
             [this, digest, blob, done = std::move(done)](absl::StatusOr<bool> intact) {
               if (!intact.ok()) return done(intact.status());
               if (*intact && !blob.suspect) return done(Finding::kIntact);
               if (!*intact && blob.suspect) return done(Finding::kDamaged);
               const bool queued =
                   options_.writers->Submit([this, digest, blob, intact = *intact, done] {
                     done(Record(digest, blob, intact));
                   });
               if (!queued)
                 done(absl::UnavailableError("too many requests are waiting; try again"));
             });
}

absl::StatusOr<BlobChecker::Finding> BlobChecker::Record(const oci::Digest& digest,
                                                         const Blob& blob, bool intact) {
  if (intact) {
    const absl::StatusOr<bool> marked = MarkLive(*options_.database, digest, blob.incarnation);
    if (!marked.ok()) return marked.status();
    if (!*marked) return Finding::kChanged;
    base::LogInfo("the stored bytes of a damaged blob have reappeared",
                  {{"digest", digest.ToString()}, {"incarnation", blob.incarnation}});
    return Finding::kIntact;
  }
  if (absl::Status status = CheckSuspects(); !status.ok()) return status;
  const absl::StatusOr<bool> marked = MarkSuspect(*options_.database, digest, blob.incarnation);
  if (!marked.ok()) return marked.status();
  if (!*marked) return Finding::kChanged;
  CountSuspect();
  base::LogError("the stored bytes of a blob are missing or cut off: the next push replaces them",
                 {{"digest", digest.ToString()}, {"incarnation", blob.incarnation}});
  return Finding::kDamaged;
}

absl::Status BlobChecker::CheckSuspects() {
  const std::string reason = absl::StrCat(
      "more than ", options_.max_suspects, " blobs were found damaged within ",
      base::kSuspectWindow.count(), " minutes: the store itself seems to fail; check its disk");
  const int64_t window_begin_ms = options_.now_ms() - ToMs(base::kSuspectWindow);
  std::lock_guard lock(mutex_);
  while (!suspects_ms_.empty() && suspects_ms_.front() <= window_begin_ms) suspects_ms_.pop_front();
  if (suspects_ms_.size() < options_.max_suspects) return absl::OkStatus();
  if (!logged_) base::LogError(reason);
  logged_ = true;
  return absl::UnavailableError(reason);
}

void BlobChecker::CountSuspect() {
  std::lock_guard lock(mutex_);
  suspects_ms_.push_back(options_.now_ms());
  logged_ = false;
}

}  // namespace registry::controlplane
