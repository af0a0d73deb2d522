#include "dataplane/incarnation_list.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <time.h>

#include <set>

#include "files_fixture.h"

namespace registry::dataplane {
namespace {

using testing::Each;
using testing::Field;
using testing::IsEmpty;
using testing::SizeIs;

class IncarnationListTest : public FilesFixture {
 protected:
  Incarnation Store(absl::string_view bytes) {
    Incarnation incarnation = NewIncarnation();
    EXPECT_TRUE(Write(incarnation, 0, bytes).ok());
    EXPECT_TRUE(Finish(incarnation, DigestOf(bytes)).ok());
    return incarnation;
  }
  Incarnation Leave(absl::string_view bytes) {
    Incarnation incarnation = NewIncarnation();
    EXPECT_TRUE(Write(incarnation, 0, bytes).ok());
    return incarnation;
  }
  std::string PathOf(const Incarnation& incarnation) {
    return temp_.path() + "/" + incarnation.UploadPath();
  }

  // All pages, each of which must be of at most `limit`.
  std::vector<ListedIncarnation> List(bool finished, size_t limit) {
    std::vector<ListedIncarnation> all;
    IncarnationPage page;
    do {
      absl::StatusOr<IncarnationPage> next = ListIncarnations(*folder_, finished, page.next, limit);
      EXPECT_TRUE(next.ok()) << next.status();
      if (!next.ok()) break;
      page = *std::move(next);
      EXPECT_LE(page.incarnations.size(), limit);
      all.insert(all.end(), page.incarnations.begin(), page.incarnations.end());
    } while (!page.next.empty());
    return all;
  }
};

TEST_F(IncarnationListTest, EachIncarnationIsListedOnceWhateverThePage) {
  std::set<std::string> unfinished;
  std::set<std::string> finished;
  for (int i = 0; i < 23; ++i) {
    unfinished.insert(Leave("half").ToString());
    finished.insert(Store("whole").ToString());
  }
  for (const size_t limit : {1u, 2u, 7u, 23u, 24u, 1000u}) {
    for (const bool state : {false, true}) {
      std::set<std::string> listed;
      for (const ListedIncarnation& one : List(state, limit)) {
        EXPECT_TRUE(listed.insert(one.incarnation.ToString()).second);
      }
      EXPECT_EQ(listed, state ? finished : unfinished) << limit;
    }
  }
}

TEST_F(IncarnationListTest, TellsSizeDigestAndAge) {
  const Incarnation half = Leave("half");
  Store("whole");
  struct timespec times[2];
  ::clock_gettime(CLOCK_REALTIME, &times[0]);
  times[0].tv_sec -= 100;
  times[1] = times[0];
  ASSERT_EQ(::utimensat(AT_FDCWD, PathOf(half).c_str(), times, 0), 0);
  const std::vector<ListedIncarnation> unfinished = List(false, 10);
  ASSERT_THAT(unfinished, SizeIs(1));
  EXPECT_EQ(unfinished[0].size_bytes, 4);
  EXPECT_FALSE(unfinished[0].digest.has_value());
  EXPECT_GE(unfinished[0].age_ms, 100'000);
  EXPECT_LT(unfinished[0].age_ms, 1'000'000);
  const std::vector<ListedIncarnation> finished = List(true, 10);
  ASSERT_THAT(finished, SizeIs(1));
  EXPECT_EQ(finished[0].size_bytes, 5);
  EXPECT_EQ(finished[0].digest, DigestOf("whole"));
}

TEST_F(IncarnationListTest, AFileFromTheFutureIsNew) {
  const Incarnation half = Leave("half");
  struct timespec times[2] = {{.tv_sec = 10'000'000'000}, {.tv_sec = 10'000'000'000}};
  ASSERT_EQ(::utimensat(AT_FDCWD, PathOf(half).c_str(), times, 0), 0);
  EXPECT_THAT(List(false, 10), Each(Field(&ListedIncarnation::age_ms, 0)));
}

TEST_F(IncarnationListTest, FilesThatAreNotOursAreLeftOut) {
  WriteFile(temp_.path() + "/uploads/lost+found", "x");
  WriteFile(temp_.path() + "/uploads/" + NewIncarnation().ToString() + ".bak", "x");
  const Incarnation named = NewIncarnation();
  WriteFile(temp_.path() + "/" + named.FinishedFolder() + "/" + named.ToString(), "x");
  EXPECT_THAT(List(false, 10), IsEmpty());
  EXPECT_THAT(List(true, 10), IsEmpty());
}

TEST_F(IncarnationListTest, ACursorOfAnotherListIsRefused) {
  EXPECT_EQ(ListIncarnations(*folder_, false, "../etc", 10).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace registry::dataplane
