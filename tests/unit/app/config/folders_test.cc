// Tests ReadFolders of policy/files.h.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "app/config/files.h"
#include "base/limits.h"

namespace registry::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ReadFoldersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/policy-files-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  void Write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories(std::filesystem::path(Path(name)).parent_path());
    std::ofstream(Path(name), std::ios::binary) << content;
  }
  static std::string ErrorOf(const std::vector<std::string>& folders) {
    const auto files = ReadFolders(folders);
    EXPECT_TRUE(absl::IsInvalidArgument(files.status()));
    return std::string(files.status().message());
  }

  std::string folder_;
};

TEST_F(ReadFoldersTest, ReadsYamlInOrder) {
  for (const char* name : {"x/b.yaml", "x/a.yml", "x/B.YAML", "x/c.YmL", "x/.d.yaml", "x/e.json",
                           "x/yaml", "x/f.yaml.bak", "x/sub.yaml/g.yaml", "a/h.yaml"}) {
    Write(name, name);
  }
  std::filesystem::create_symlink("e.json", Path("x/link.yaml"));
  const auto files = ReadFolders({Path("x"), Path("a/")});
  ASSERT_TRUE(files.ok()) << files.status();
  std::vector<std::string> contents;
  for (const SourceFile& file : *files) contents.push_back(file.content);
  EXPECT_THAT(contents, ElementsAre("x/.d.yaml", "x/B.YAML", "x/a.yml", "x/b.yaml", "x/c.YmL",
                                    "x/e.json", "a/h.yaml"));
  EXPECT_EQ((*files)[1].path, Path("x/B.YAML"));
}

TEST_F(ReadFoldersTest, NamesWhatCannotBeRead) {
  EXPECT_THAT(ErrorOf({folder_, Path("none")}),
              testing::AllOf(HasSubstr(Path("none")), HasSubstr("No such file"), HasSubstr("; ")));
  Write("file", "");
  EXPECT_THAT(ErrorOf({Path("file")}), HasSubstr(Path("file") + "\": Not a directory"));
  std::filesystem::create_symlink("nowhere", Path("link.yaml"));
  EXPECT_THAT(ErrorOf({folder_}), HasSubstr(Path("link.yaml") + "\": No such file"));
}

TEST_F(ReadFoldersTest, RefusesFoldersWithoutAnyFile) {
  std::filesystem::create_directories(Path("a"));
  std::filesystem::create_directories(Path("b"));
  EXPECT_EQ(ErrorOf({Path("a"), Path("b")}),
            absl::StrCat("no *.yaml or *.yml files in ", Path("a"), ", ", Path("b"),
                         "; check that the folder is right and mounted"));
  Write("b/a.yaml", "x");
  EXPECT_TRUE(ReadFolders({Path("a"), Path("b")}).ok());
}

// Reading it would wait for a writer.
TEST_F(ReadFoldersTest, RefusesANamedPipe) {
  ASSERT_EQ(mkfifo(Path("pipe.yaml").c_str(), 0600), 0);
  EXPECT_THAT(ErrorOf({folder_}), HasSubstr(Path("pipe.yaml") + "\": not a regular file"));
}

TEST_F(ReadFoldersTest, RefusesAFileThatMayNotBeRead) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  Write("a.yaml", "");
  std::filesystem::permissions(Path("a.yaml"), std::filesystem::perms::none);
  EXPECT_THAT(ErrorOf({folder_}), HasSubstr(Path("a.yaml") + "\": Permission denied"));
}

TEST_F(ReadFoldersTest, BoundsFiles) {
  Write("a.yaml", std::string(base::kMaxPolicyFileBytes, '#'));
  EXPECT_TRUE(ReadFolders({folder_}).ok());
  Write("b.yaml", std::string(base::kMaxPolicyFileBytes + 1, '#'));
  EXPECT_THAT(ErrorOf({folder_}), HasSubstr(Path("b.yaml") + "\": it has more than 1048576 bytes"));
}

TEST_F(ReadFoldersTest, BoundsTheirNumberAndSize) {
  for (size_t i = 0; i <= base::kMaxPolicyFiles; ++i) Write(absl::StrCat(i, ".yaml"), "");
  EXPECT_THAT(ErrorOf({folder_}), HasSubstr("has more than 10000 YAML files"));

  Write("large/a.yaml", std::string(base::kMaxPolicyFileBytes, '#'));
  const std::vector<std::string> folders(65, Path("large"));
  EXPECT_THAT(ErrorOf(folders), HasSubstr("bytes of them"));
}

}  // namespace
}  // namespace registry::app
