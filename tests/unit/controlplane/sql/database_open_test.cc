// Tests opening databases: new, foreign and damaged ones.
#include <sys/stat.h>

#include <fstream>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "controlplane/access/signing_key.h"
#include "controlplane/sql/sqlite/migrations.h"
#include "tests/unit/controlplane/sql/database_fixture.h"

namespace registry::controlplane {
namespace {

using testing::HasSubstr;

TEST_F(DatabaseTest, AFileThatIsNoDatabaseIsNamedAndLeftAlone) {
  const std::string content =
      "This is not a database, but long enough to have a header. " + std::string(4096, 'x');
  std::ofstream(options_.path) << content;
  const absl::Status status = Database::Open(options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr(options_.path));
  EXPECT_THAT(status.message(), HasSubstr("restore it from a backup"));
  std::ifstream file(options_.path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), content);
}

TEST_F(DatabaseTest, ADatabaseOfAnotherProgramIsRefused) {
  OtherProcess(options_.path).Run("CREATE TABLE recipes (name TEXT)");
  const absl::Status status = Database::Open(options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("belongs to another program"));
}

TEST_F(DatabaseTest, ADamagedFileIsFoundWhenItIsOpened) {
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
  const absl::Status status = Database::Open(options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(status.message(), HasSubstr(options_.path));
  EXPECT_THAT(status.message(), HasSubstr("backup"));
}

TEST_F(DatabaseTest, DamageInALargeFileFailsTheStatementThatMeetsIt) {
  options_.quick_check_max_bytes = 0;
  {
    auto database = Open();
    const std::string content(200'000, 'x');
    ASSERT_TRUE(Write(*database, "INSERT INTO manifest_bytes (digest, content) VALUES (?1, ?2)",
                      {"d", Value::Bytes{content}})
                    .ok());
  }
  std::filesystem::resize_file(options_.path, std::filesystem::file_size(options_.path) - 100'000);
  const absl::Status status = Database::Open(options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
}

TEST_F(DatabaseTest, ANewerSchemaIsRefused) {
  auto database = Open();
  ASSERT_TRUE(Write(*database,
                    "INSERT INTO schema_migrations (version, applied_at_ms) VALUES (?1, 0)",
                    {LatestSchemaVersion() + 1})
                  .ok());
  database.reset();
  const absl::Status status = Database::Open(options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr(absl::StrCat(LatestSchemaVersion() + 1)));
  EXPECT_THAT(status.message(), HasSubstr("newer"));
}

TEST_F(DatabaseTest, SeveralProcessesMayOpenANewDatabaseAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto database = Database::Open(options_);
      EXPECT_TRUE(database.ok()) << database.status();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(DatabaseTest, AFolderThatIsMissingIsNamed) {
  options_.path = folder_ + "/missing/metadata.db";
  const absl::Status status = Database::Open(options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr(options_.path));
}

TEST_F(DatabaseTest, OnlyItsUserMayReadTheFile) {
  Open();
  struct stat info;
  ASSERT_EQ(stat(options_.path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(DatabaseTest, TheSigningKeyIsMadeOnceAndKept) {
  auto database = Open();
  const absl::StatusOr<std::string> key = TokenSigningKey(*database);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->size(), 32u);
  EXPECT_EQ(*TokenSigningKey(*database), *key);
  database.reset();
  EXPECT_EQ(*TokenSigningKey(*Open()), *key);
}

}  // namespace
}  // namespace registry::controlplane
