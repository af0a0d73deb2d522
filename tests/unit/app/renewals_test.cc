#include "app/renewals.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>

namespace registry::app {
namespace {

namespace fs = std::filesystem;

class RenewalsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "renewals_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& content) {
    const std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  fs::path folder_;
};

TEST_F(RenewalsTest, AChangeOfTheContentIsSeenOnce) {
  const std::string a = Write("a", "1");
  const std::string b = Write("b", "1");
  FileState files({a, "", b});
  EXPECT_FALSE(files.HasChanged());
  Write("b", "2");
  EXPECT_TRUE(files.HasChanged());
  EXPECT_FALSE(files.HasChanged());
  Write("b", "2");
  EXPECT_FALSE(files.HasChanged()) << "written again, with the same content";
  // As many bytes together, but others in each.
  Write("a", "");
  Write("b", "12");
  EXPECT_TRUE(files.HasChanged());
}

TEST_F(RenewalsTest, AFileThatGoesAndComesHasChanged) {
  const std::string path = folder_ / "a";
  FileState files({path});
  EXPECT_FALSE(files.empty());
  EXPECT_FALSE(files.HasChanged());
  Write("a", "");
  EXPECT_TRUE(files.HasChanged());
  fs::remove(path);
  EXPECT_TRUE(files.HasChanged());
}

TEST_F(RenewalsTest, ASwitchedLinkHasChanged) {
  fs::create_directories(folder_ / "..1");
  fs::create_directories(folder_ / "..2");
  Write("..1/key", "old");
  Write("..2/key", "new");
  fs::create_symlink("..1", folder_ / "..data");
  fs::create_symlink("..data/key", folder_ / "key");
  FileState files({folder_ / "key"});
  fs::create_symlink("..2", folder_ / "..data_tmp");
  fs::rename(folder_ / "..data_tmp", folder_ / "..data");
  EXPECT_TRUE(files.HasChanged());
}

TEST_F(RenewalsTest, APipeIsNotReadAgain) {
  const std::string path = folder_ / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  FileState files({path});
  EXPECT_TRUE(files.empty());
  EXPECT_FALSE(files.HasChanged());
}

TEST_F(RenewalsTest, OnDemandItTriesAgainWhatFailed) {
  Write("a", "1");
  int calls = 0;
  int always = 0;
  absl::Status result = absl::InvalidArgumentError("wrong");
  Renewals renewals(std::chrono::hours(1));
  EXPECT_TRUE(renewals.empty());
  renewals.Add({.name = "a", .files = FileState({folder_ / "a"}), .renew = [&] {
                  ++calls;
                  return result;
                }});
  renewals.Add({.name = "always",
                .files = FileState(),
                .renew =
                    [&] {
                      ++always;
                      return absl::OkStatus();
                    },
                .always_on_demand = true});
  EXPECT_FALSE(renewals.empty());
  renewals.CheckNow();
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(always, 1);
  Write("a", "2");
  renewals.CheckNow();
  EXPECT_EQ(calls, 1);
  result = absl::OkStatus();
  renewals.CheckNow();
  EXPECT_EQ(calls, 2);
  renewals.CheckNow();
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(always, 4);
}

TEST_F(RenewalsTest, AThreadNoticesChangesByItself) {
  Write("a", "1");
  std::mutex mutex;
  std::condition_variable called;
  int calls = 0;
  Renewals renewals(std::chrono::milliseconds(5));
  renewals.Add({.name = "a", .files = FileState({folder_ / "a"}), .renew = [&] {
                  std::lock_guard lock(mutex);
                  ++calls;
                  called.notify_all();
                  return absl::OkStatus();
                }});
  renewals.Start();
  std::unique_lock lock(mutex);
  EXPECT_EQ(calls, 0);
  Write("a", "22");
  EXPECT_TRUE(called.wait_for(lock, std::chrono::seconds(60), [&] { return calls > 0; }));
}

}  // namespace
}  // namespace registry::app
