#include "controlplane/sql/batch.h"

#include "base/limits.h"
#include "tests/unit/controlplane/sql/test_database.h"

namespace registry::controlplane {
namespace {

using testing::ElementsAreArray;

class BatchTest : public DatabaseTest {
 protected:
  static std::vector<std::string> Names(size_t count) {
    std::vector<std::string> names;
    for (size_t i = 0; i < count; ++i) names.push_back(absl::StrCat("name ", 10000 + i));
    return names;
  }

  static absl::Status Insert(Transaction& t, const std::vector<std::string>& names) {
    InsertRows(t, "INSERT INTO nodes (added_at_ms, id) VALUES ", {7}, names,
               " ON CONFLICT (id) DO NOTHING");
    return absl::OkStatus();
  }

  // Of the names, those in the table.
  static std::vector<std::string> Find(Database& database, const std::vector<std::string>& names) {
    std::vector<std::string> found;
    const absl::Status status =
        RunTransaction(database, TransactionMode::kRead, [&](Transaction& t) {
          found.clear();
          QueryWithList(t, "SELECT id FROM nodes WHERE added_at_ms = ?1 AND id IN (", {7}, names,
                        ") ORDER BY id", [&](const Row& row) { found.emplace_back(row.Text(0)); });
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
    return found;
  }
};

TEST_F(BatchTest, EachNameIsInsertedAndFoundOnceWhateverTheirNumber) {
  for (const size_t count : {size_t{0}, size_t{1}, size_t{7}, base::kSqlBatch - 1, base::kSqlBatch,
                             3 * base::kSqlBatch + 5}) {
    TestDatabase test_database;
    const std::unique_ptr<Database> database = test_database.Open();
    const std::vector<std::string> names = Names(count);
    for (int repeat = 0; repeat < 2; ++repeat) {
      const absl::Status status = RunTransaction(*database, TransactionMode::kWrite,
                                                 [&](Transaction& t) { return Insert(t, names); });
      ASSERT_TRUE(status.ok()) << status;
    }
    EXPECT_EQ(*Count(*database), static_cast<int64_t>(count));
    std::vector<std::string> wanted = names;
    wanted.push_back("not there");
    EXPECT_THAT(Find(*database, wanted), ElementsAreArray(names));
  }
}

TEST_F(BatchTest, AnErrorEndsTheTransaction) {
  const std::unique_ptr<Database> database = Open();
  std::vector<std::string> names = Names(2 * base::kSqlBatch);
  names.back() = std::string("a\0b", 3);
  const absl::Status status = RunTransaction(*database, TransactionMode::kWrite,
                                             [&](Transaction& t) { return Insert(t, names); });
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_EQ(*Count(*database), 0);
}

}  // namespace
}  // namespace registry::controlplane
