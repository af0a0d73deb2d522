// Tests opening databases: new, foreign and damaged ones.
#include <sys/stat.h>

#include <fstream>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/controlplane/sql/sqlite/fixture.h"

namespace registry::controlplane {
namespace {

using testing::HasSubstr;

TEST_F(SqliteTest, AFileThatIsNoDatabaseIsNamedAndLeftAlone) {
  const std::string content =
      "This is not a database, but long enough to have a header. " + std::string(4096, 'x');
  std::ofstream(options_.path) << content;
  const absl::Status status = Database::Open(NewEngine()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr(options_.path));
  EXPECT_THAT(status.message(), HasSubstr("restore it from a backup"));
  std::ifstream file(options_.path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), content);
}

TEST_F(SqliteTest, ADatabaseOfAnotherProgramIsRefused) {
  OtherProcess(options_.path).Run("CREATE TABLE recipes (name TEXT)");
  const absl::Status status = Database::Open(NewEngine()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("belongs to another program"));
}

TEST_F(SqliteTest, ADamagedFileIsFoundWhenItIsOpened) {
  {
    auto database = Open();
    for (int i = 0; i < 500; ++i) {
      ASSERT_TRUE(Write(*database, kInsert, {absl::StrCat("node-with-a-long-name-", i), 1}).ok());
    }
  }
  {
    std::fstream file(options_.path, std::ios::in | std::ios::out | std::ios::binary);
    const auto size = static_cast<std::streamoff>(std::filesystem::file_size(options_.path));
    for (std::streamoff page = 4096; page < size; page += 4096) {
      file.seekp(page);
      file << std::string(200, '\x5a');
    }
  }
  const absl::Status status = Database::Open(NewEngine()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(status.message(), HasSubstr(options_.path));
  EXPECT_THAT(status.message(), HasSubstr("backup"));
}

TEST_F(SqliteTest, DamageInALargeFileFailsTheStatementThatMeetsIt) {
  options_.quick_check_max_bytes = 0;
  {
    auto database = Open();
    const std::string content(200'000, 'x');
    ASSERT_TRUE(Write(*database, "INSERT INTO manifest_bytes (digest, content) VALUES (?1, ?2)",
                      {"d", Value::Bytes{content}})
                    .ok());
  }
  std::filesystem::resize_file(options_.path, std::filesystem::file_size(options_.path) - 100'000);
  const absl::Status status = Database::Open(NewEngine()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
}

TEST_F(SqliteTest, AFolderThatIsMissingIsNamed) {
  options_.path = folder_ + "/missing/metadata.db";
  const absl::Status status = Database::Open(NewEngine()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr(options_.path));
}

TEST_F(SqliteTest, OnlyItsUserMayReadTheFile) {
  Open();
  struct stat info;
  ASSERT_EQ(stat(options_.path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

}  // namespace
}  // namespace registry::controlplane
