// Two processes with one database: one claims blobs that no manifest references (what collection
// will do), the other pushes manifests that reference them. Never may both succeed.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "controlplane/sql/batch.h"
#include "tests/unit/controlplane/metadata/fixture.h"

namespace registry::controlplane {
namespace {

constexpr char kRepository[] = "team/app";

// Shared by both processes.
struct Race {
  // Rounds that this process has entered: both enter a round together.
  std::atomic<int> claimer;
  std::atomic<int> pusher;
  std::atomic<int> claimed;
  std::atomic<int> pushed;
  std::atomic<int> both;
  std::atomic<int> failed;
  // How long the last push took.
  std::atomic<int> push_us;
};

int Rounds() {
  int rounds = 500;
  if (const char* text = std::getenv("REGISTRY_TEST_RACE_ROUNDS")) {
    EXPECT_TRUE(absl::SimpleAtoi(text, &rounds));
  }
  return rounds;
}

oci::Digest BlobOf(int round) { return DigestOf(absl::StrCat("blob ", round)); }

void EnterRound(std::atomic<int>& own, const std::atomic<int>& other) {
  const int round = ++own;
  while (other < round) std::this_thread::yield();
}

// The claim of design: condemned, if it is live and no manifest references it.
absl::StatusOr<bool> Claim(Database& database, const oci::Digest& digest) {
  return RunTransaction(database, TransactionMode::kWrite,
                        [&](Transaction& t) -> absl::StatusOr<bool> {
                          return t.Execute(
                                     "/* test */ UPDATE blobs SET state = 'condemned' "
                                     "WHERE digest = ?1 AND state = 'live' AND NOT EXISTS ("
                                     "SELECT 1 FROM manifest_blobs WHERE blob = ?1)",
                                     {digest.ToString()}) > 0;
                        });
}

// Returns whether the push succeeded; a refusal because the blob is condemned is no error.
absl::StatusOr<bool> PushManifest(Database& database, const oci::Digest& blob, int64_t now_ms) {
  const std::string content = ImageJson(blob, {});
  const ManifestPush push = {.repository = Repo(kRepository),
                             .reference = Ref(DigestOf(content).ToString()),
                             .content = content,
                             .principal = "alice"};
  const absl::StatusOr<CheckedPush> checked = CheckPush(push);
  if (!checked.ok()) return checked.status();
  const absl::StatusOr<PushedManifest> pushed = PutManifest(database, push, *checked, now_ms);
  if (pushed.ok()) return true;
  if (ErrorOf(pushed) == oci::ErrorCode::kManifestBlobUnknown) return false;
  return pushed.status();
}

class ClaimRaceTest : public MetadataTest {
 protected:
  void InsertBlobs(int count) {
    std::vector<std::string> digests;
    for (int i = 0; i < count; ++i) digests.push_back(BlobOf(i).ToString());
    const absl::Status status =
        RunTransaction(*database_, TransactionMode::kWrite, [&](Transaction& t) {
          const int64_t id = EnsureRepository(t, Repo(kRepository), now_ms_);
          InsertRows(t, "INSERT INTO repository_blobs (repository_id, digest) VALUES ", {id},
                     digests, "");
          InsertRows(t, "INSERT INTO blobs (size_bytes, state, touched_at_ms, digest) VALUES ",
                     {1, "live", now_ms_}, digests, "");
          return absl::OkStatus();
        });
    ASSERT_TRUE(status.ok()) << status;
  }
};

TEST_F(ClaimRaceTest, ABlobIsClaimedOrReferencedButNeverBoth) {
  const int rounds = Rounds();
  Run("ALTER TABLE blobs ALTER COLUMN incarnation SET DEFAULT CAST(gen_random_uuid() AS TEXT)");
  Run("CREATE INDEX manifest_blobs_by_blob ON manifest_blobs (blob)");
  InsertBlobs(rounds);
  // The child must not use connections of its parent.
  database_.reset();
  auto* race =
      new (mmap(nullptr, sizeof(Race), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
          Race{};
  base::FlushLog();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto database = Database::Open(test_database_.NewEngine());
    // The claim is one statement, the push a dozen: so it comes somewhere in between, or after it.
    std::minstd_rand random(1);
    for (int i = 0; database.ok() && i < rounds; ++i) {
      EnterRound(race->claimer, race->pusher);
      std::uniform_int_distribution<int> delay_us(0, 2 * race->push_us);
      std::this_thread::sleep_for(std::chrono::microseconds(delay_us(random)));
      const absl::StatusOr<bool> claimed = Claim(**database, BlobOf(i));
      if (!claimed.ok()) ++race->failed;
      if (claimed.ok() && *claimed) ++race->claimed;
    }
    _exit(database.ok() ? 0 : 1);
  }
  database_ = Database::Open(test_database_.NewEngine()).value();
  for (int i = 0; i < rounds; ++i) {
    EnterRound(race->pusher, race->claimer);
    const auto begun = std::chrono::steady_clock::now();
    const absl::StatusOr<bool> pushed = PushManifest(*database_, BlobOf(i), now_ms_);
    race->push_us = static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(
                                         std::chrono::steady_clock::now() - begun)
                                         .count());
    EXPECT_TRUE(pushed.ok()) << pushed.status();
    if (pushed.ok() && *pushed) ++race->pushed;
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(race->failed, 0);
  EXPECT_EQ(race->claimed + race->pushed, rounds);
  // Otherwise they did not race.
  EXPECT_GT(race->claimed, rounds / 100);
  EXPECT_GT(race->pushed, rounds / 100);
  EXPECT_EQ(Number("SELECT count(*) FROM blobs JOIN manifest_blobs ON blob = blobs.digest "
                   "WHERE state = 'condemned'"),
            0);
  RecordProperty("claimed", race->claimed);
  RecordProperty("pushed", race->pushed);
  std::printf("claimed %d, pushed %d\n", race->claimed.load(), race->pushed.load());
  munmap(race, sizeof(Race));
}

}  // namespace
}  // namespace registry::controlplane
