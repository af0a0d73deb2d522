#include "controlplane/metadata/lists.h"

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "base/limits.h"
#include "tests/unit/controlplane/metadata/fixture.h"

namespace registry::controlplane {
namespace {

using oci::ErrorCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class ListsTest : public MetadataTest {
 protected:
  absl::StatusOr<NamesPage> Tags(
      absl::string_view repository, absl::string_view last, int limit,
      const TagFilter& filter = [](const oci::Tag&) { return true; }) {
    return ListTags(*database_, cursor_, Repo(repository), {.last = last, .limit = limit}, filter);
  }

  absl::StatusOr<NamesPage> Repositories(absl::string_view last, int limit,
                                         const RepositoryFilter& filter) {
    return ListRepositories(*database_, cursor_, {.last = last, .limit = limit}, filter);
  }

  // Sees everything that `sees` allows, in all ranges.
  static RepositoryFilter Filter(std::function<bool(const std::string&)> sees) {
    return {.ranges = {{.first = "", .last = "\x7f"}},
            .sees = [sees = std::move(sees)](
                        const oci::RepositoryName& name) { return sees(name.ToString()); },
            .may_see_tags = [](const oci::RepositoryName&) { return false; },
            .sees_tag = [](const oci::RepositoryName&, const oci::Tag&) { return false; }};
  }

  // Many repositories, "r/000000" and so on, with a blob each.
  void FillRepositories(int count) {
    Run(
        absl::StrFormat("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE "
                        "i + 1 < %d) INSERT INTO repositories (name, created_at_ms) "
                        "SELECT 'r/' || substr(CAST(1000000 + i AS TEXT), 2), 0 FROM n",
                        count));
    Run("INSERT INTO repository_blobs (repository_id, digest) "
        "SELECT id, 'sha256:x' FROM repositories WHERE name LIKE 'r/%'");
  }

  // Many tags of the repository, "t000000" and so on.
  void FillTags(absl::string_view repository, int count) {
    PushImage(repository, "zzz", absl::StrCat("config of ", repository));
    Run(absl::StrFormat(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d) "
        "INSERT INTO tags (repository_id, name, digest, updated_at_ms) "
        "SELECT t.repository_id, 't' || substr(CAST(1000000 + i AS TEXT), 2), t.digest, 0 "
        "FROM n CROSS JOIN tags AS t JOIN repositories AS r ON r.id = t.repository_id WHERE r.name "
        "= '%s' AND t.name = 'zzz'",
        count, repository));
  }

  const PageCursor cursor_{"a secret of thirty-two bytes or more"};
};

TEST_F(ListsTest, TagsAreListedBytewiseInPages) {
  for (const char* tag : {"b", "B", "a", "_x", "1.10", "1.9", "a-1"}) {
    PushImage("a", tag, "config-of-tags-" + std::string(tag));
  }
  PushImage("b", "elsewhere", "other");
  EXPECT_THAT(Tags("a", "", 100)->names, ElementsAre("1.10", "1.9", "B", "_x", "a", "a-1", "b"));
  EXPECT_EQ(Tags("a", "", 100)->next, "");
  EXPECT_THAT(Tags("a", "", 2)->names, ElementsAre("1.10", "1.9"));
  EXPECT_EQ(Tags("a", "", 2)->next, "1.9");
  EXPECT_THAT(Tags("a", "a-", 2)->names, ElementsAre("a-1", "b"));
  EXPECT_EQ(Tags("a", "a-", 2)->next, "");
  EXPECT_THAT(Tags("a", "", 0)->names, IsEmpty());
  EXPECT_EQ(Tags("a", "", 0)->next, "");
  EXPECT_THAT(Tags("a", "z", 5)->names, IsEmpty());
  EXPECT_EQ(Tags("a", "", 2'000'000'000)->names.size(), 7u);
}

TEST_F(ListsTest, InvalidPageRequestsAreRefused) {
  PushBlob("a", "x");
  EXPECT_THAT(Tags("a", "", 10)->names, IsEmpty());
  EXPECT_EQ(ErrorOf(Tags("b", "", 10)), ErrorCode::kNameUnknown);
  EXPECT_EQ(ErrorOf(Tags("a", "\xff", 10)), ErrorCode::kQueryInvalid);
  EXPECT_EQ(ErrorOf(Tags("a", "~5", 10)), ErrorCode::kQueryInvalid);
  EXPECT_EQ(Tags("a", "", -1).status().code(), absl::StatusCode::kInvalidArgument);
  const RepositoryFilter all = Filter([](const std::string&) { return true; });
  EXPECT_EQ(ErrorOf(Repositories("~5", 10, all)), ErrorCode::kQueryInvalid);
  EXPECT_EQ(Repositories("", -1, all).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ListsTest, ShortPagesLeadToEveryVisibleTagAndRevealNoOthers) {
  FillTags("a", 45'000);
  const auto sees = [](const oci::Tag& tag) {
    return tag.ToString() == "t000005" || tag.ToString() == "t041000" || tag.ToString() == "zzz";
  };
  std::vector<std::string> seen;
  std::string last;
  int pages = 0;
  do {
    const absl::StatusOr<NamesPage> page = Tags("a", last, 100, sees);
    ASSERT_TRUE(page.ok()) << page.status();
    seen.insert(seen.end(), page->names.begin(), page->names.end());
    last = page->next;
    ++pages;
    if (!last.empty()) {
      EXPECT_THAT(last, StartsWith("~"));
    }
  } while (!last.empty());
  EXPECT_THAT(seen, ElementsAre("t000005", "t041000", "zzz"));
  EXPECT_EQ(pages, 3);
}

TEST_F(ListsTest, ShortPagesLeadToEveryVisibleRepositoryAndRevealNoOthers) {
  FillRepositories(45'000);
  const RepositoryFilter filter =
      Filter([](const std::string& name) { return name == "r/000007" || name == "r/044999"; });
  std::vector<std::string> seen;
  std::set<size_t> cursor_sizes;
  std::string last;
  int pages = 0;
  do {
    const absl::StatusOr<NamesPage> page = Repositories(last, 100, filter);
    ASSERT_TRUE(page.ok()) << page.status();
    seen.insert(seen.end(), page->names.begin(), page->names.end());
    last = page->next;
    ++pages;
    if (!last.empty()) cursor_sizes.insert(last.size());
  } while (!last.empty());
  EXPECT_THAT(seen, ElementsAre("r/000007", "r/044999"));
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(cursor_sizes.size(), 1u);
}

TEST_F(ListsTest, TagsExaminedForTheCatalogCountToo) {
  for (const char* repository : {"a", "b", "c"}) FillTags(repository, 1'500);
  FillRepositories(18'500);
  RepositoryFilter filter = Filter([](const std::string&) { return false; });
  int looked_at = 0;
  filter.may_see_tags = [](const oci::RepositoryName& name) { return name.ToString().size() == 1; };
  filter.sees_tag = [&](const oci::RepositoryName&, const oci::Tag&) {
    ++looked_at;
    return false;
  };
  const absl::StatusOr<NamesPage> page = Repositories("", 100, filter);
  ASSERT_TRUE(page.ok()) << page.status();
  // And the tag "zzz" of each.
  EXPECT_EQ(looked_at, 3 * 1'501);
  EXPECT_THAT(page->next, StartsWith("~")) << "4,506 names were looked at for three repositories";
}

TEST_F(ListsTest, ARepositoryIsSeenForOneOfVeryManyTags) {
  FillTags("a", 15'000);
  FillTags("b", 15'000);
  RepositoryFilter filter = Filter([](const std::string&) { return false; });
  filter.may_see_tags = [](const oci::RepositoryName&) { return true; };
  filter.sees_tag = [](const oci::RepositoryName& name, const oci::Tag& tag) {
    return name.ToString() == "b" && tag.ToString() == "zzz";
  };
  const absl::StatusOr<NamesPage> first = Repositories("", 100, filter);
  EXPECT_THAT(first->names, IsEmpty());
  EXPECT_THAT(first->next, StartsWith("~"));
  const absl::StatusOr<NamesPage> second = Repositories(first->next, 100, filter);
  EXPECT_THAT(second->names, ElementsAre("b"));
  EXPECT_EQ(second->next, "");
}

TEST_F(ListsTest, ARepositoryWithMoreTagsThanTheLimitStopsNoList) {
  FillTags("a", 25'000);
  FillTags("b", 10);
  RepositoryFilter filter = Filter([](const std::string&) { return false; });
  filter.may_see_tags = [](const oci::RepositoryName&) { return true; };
  filter.sees_tag = [](const oci::RepositoryName&, const oci::Tag& tag) {
    return tag.ToString() == "zzz";
  };
  const absl::StatusOr<NamesPage> first = Repositories("", 100, filter);
  EXPECT_THAT(first->names, IsEmpty());
  EXPECT_THAT(Repositories(first->next, 100, filter)->names, ElementsAre("b"));
}

TEST_F(ListsTest, ARepositoryIsSeenForOneOfItsTags) {
  PushImage("a", "public", "1");
  PushImage("a", "secret", "2");
  PushImage("b", "secret", "3");
  RepositoryFilter filter = Filter([](const std::string&) { return false; });
  filter.may_see_tags = [](const oci::RepositoryName&) { return true; };
  filter.sees_tag = [](const oci::RepositoryName&, const oci::Tag& tag) {
    return tag.ToString() == "public";
  };
  EXPECT_THAT(Repositories("", 100, filter)->names, ElementsAre("a"));
}

TEST_F(ListsTest, OnlyTheRangesAreRead) {
  FillRepositories(10);
  PushBlob("z", "x");
  int looked_at = 0;
  RepositoryFilter filter = Filter([&](const std::string&) {
    ++looked_at;
    return true;
  });
  filter.ranges = {{.first = "r/000002", .last = "r/000003"}, {.first = "r/000008", .last = "y"}};
  EXPECT_THAT(Repositories("", 100, filter)->names,
              ElementsAre("r/000002", "r/000003", "r/000008", "r/000009"));
  EXPECT_EQ(looked_at, 4);
  EXPECT_THAT(Repositories("r/000003", 1, filter)->names, ElementsAre("r/000008"));
  EXPECT_EQ(Repositories("r/000003", 1, filter)->next, "r/000008");
}

}  // namespace
}  // namespace registry::controlplane
