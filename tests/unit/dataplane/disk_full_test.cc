// A node on a full disk: a small tmpfs. Mounting needs a privilege; without it,
// the test runs itself again in a user namespace of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cstdlib>

#include "node_fixture.h"
#include "oci/error.h"

namespace registry::dataplane {
namespace {

using ::testing::HasSubstr;

constexpr char kInNamespace[] = "DATAPLANE_TEST_IN_NAMESPACE";

class DiskFullTest : public NodeFixture {
 protected:
  ~DiskFullTest() override {
    Stop();
    if (mounted_) ::umount2(temp_.path().c_str(), MNT_DETACH);
  }

  // True if the node runs on a tmpfs of 4 MiB.
  bool MountSmallDisk() {
    Stop();
    mounted_ = ::mount("tmpfs", temp_.path().c_str(), "tmpfs", 0, "size=4m") == 0;
    if (mounted_) Start();
    return mounted_;
  }

  // Runs the test in a user namespace; its exit code, or -1 where there are none.
  static int RunInNamespace() {
    if (std::getenv(kInNamespace) != nullptr || std::system("unshare -rm true 2>/dev/null") != 0) {
      return -1;
    }
    const ::testing::TestInfo& info = *::testing::UnitTest::GetInstance()->current_test_info();
    const std::string self = std::filesystem::read_symlink("/proc/self/exe");
    return std::system((std::string(kInNamespace) + "=1 unshare -rm " + self +
                        " --gtest_filter=" + info.test_suite_name() + "." + info.name())
                           .c_str());
  }

  bool mounted_ = false;
};

TEST_F(DiskFullTest, IsReportedAndNothingStoredIsLost) {
  if (!MountSmallDisk()) {
    const int result = RunInNamespace();
    if (result < 0) GTEST_SKIP() << "neither mounting nor user namespaces are allowed here";
    EXPECT_EQ(result, 0);
    return;
  }
  const std::string stored_bytes = TestBytes(1'000'000, 1);
  const std::string stored = Store(stored_bytes);
  const std::string ballast = Store(TestBytes(1'000'000, 2));
  const std::string bytes = TestBytes(2'500'000, 3);
  const std::string incarnation = base::NewUuid7();

  absl::Status status = Write(incarnation, 0, bytes).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(oci::CodeOf(status), std::nullopt);
  EXPECT_EQ(oci::ToHttpError(status).status, 507);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no space left on the storage node"));
  // Room for what deletes is left: metadata may be on the same disk.
  EXPECT_THAT(std::string(status.message()), HasSubstr("reserved for deleting"));

  // A new upload finds no space either, and stored data can be read.
  EXPECT_EQ(Write(base::NewUuid7(), 0, bytes).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(*Read(ReadRequestOf(stored, DigestOf(stored_bytes).ToString(), 0, 1'000'000)),
            stored_bytes);

  // Half an upload does not keep the disk full: its bytes are gone, and others have room at once.
  EXPECT_EQ(Stat(incarnation).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(*Write(base::NewUuid7(), 0, TestBytes(1'000'000, 4)), 1'000'000);

  // Nothing is left of it that could spoil a new beginning.
  EXPECT_TRUE(Delete(ballast).ok());
  const std::string less = TestBytes(500'000, 5);
  EXPECT_EQ(*Write(incarnation, 0, less), 500'000);
  EXPECT_EQ(*Finish(incarnation, DigestOf(less).ToString()), 500'000);
}

}  // namespace
}  // namespace registry::dataplane
