#include "app/config/admin_password.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "controlplane/passwords.h"

namespace registry::app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kHash[] = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

class AdminPasswordTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "admin_password_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string File(const std::string& content) {
    const std::string path = folder_ + "/pwd.txt";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  std::string ErrorOf(const std::string& content) {
    return std::string(ReadSecretFile("password file", File(content)).status().message());
  }
  absl::StatusOr<AdminPassword> OfFile(const std::string& content) {
    ServeFlags flags;
    flags.admin_password_file = File(content);
    return ReadAdminPassword(flags);
  }
  static absl::StatusOr<AdminPassword> OfFlag(const std::string& value) {
    ServeFlags flags;
    flags.admin_password = value;
    return ReadAdminPassword(flags);
  }

  std::string folder_;
};

TEST_F(AdminPasswordTest, OneNewlineAtTheEndIsNoPartOfIt) {
  EXPECT_EQ(ReadSecretFile("password file", File("secret")).value(), "secret");
  EXPECT_EQ(ReadSecretFile("password file", File("secret\n")).value(), "secret");
  EXPECT_EQ(ReadSecretFile("password file", File("secret\r\n")).value(), "secret");
  EXPECT_EQ(ReadSecretFile("password file", File(" secret \n")).value(), " secret ");
}

TEST_F(AdminPasswordTest, BadFilesAreNamed) {
  EXPECT_THAT(ErrorOf(""), AllOf(HasSubstr("pwd.txt"), HasSubstr("empty")));
  EXPECT_THAT(ErrorOf("\n"), HasSubstr("empty"));
  EXPECT_THAT(ErrorOf("a\nb\n"), AllOf(HasSubstr("several lines"), Not(HasSubstr("a\n"))));
  EXPECT_THAT(ErrorOf("a\n\n"), HasSubstr("several lines"));
  EXPECT_THAT(ErrorOf(std::string(4097, 'x')), HasSubstr("more than 4096 bytes"));

  const absl::Status missing = ReadSecretFile("password file", folder_ + "/none").status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), AllOf(HasSubstr("cannot open password file"),
                                                    HasSubstr("/none"), HasSubstr("No such file")));
  EXPECT_THAT(std::string(ReadSecretFile("password file", folder_).status().message()),
              HasSubstr("Is a directory"));
}

TEST_F(AdminPasswordTest, AnUnreadableFileIsNamed) {
  const std::string path = File("secret");
  chmod(path.c_str(), 0);
  if (geteuid() == 0) GTEST_SKIP() << "root reads every file";
  EXPECT_THAT(std::string(ReadSecretFile("password file", path).status().message()),
              HasSubstr("Permission denied"));
}

TEST_F(AdminPasswordTest, AHashIsToldFromAPassword) {
  EXPECT_EQ(OfFlag(kHash)->hash, kHash);
  EXPECT_EQ(OfFlag(kHash)->password, "");
  EXPECT_EQ(OfFile(std::string(kHash) + "\n")->hash, kHash);
  EXPECT_EQ(OfFlag("secret")->password, "secret");
  EXPECT_EQ(OfFlag("secret")->hash, "");
  EXPECT_EQ(OfFile("secret\n")->password, "secret");
}

TEST_F(AdminPasswordTest, ALineOfHtpasswdIsAHashForTheAdministratorOnly) {
  const std::string line = std::string("admin:") + kHash;
  EXPECT_EQ(OfFlag(line)->hash, kHash);
  EXPECT_EQ(OfFile(line)->hash, kHash);
  EXPECT_EQ(OfFile(line + "\n")->hash, kHash);
  EXPECT_EQ(OfFile(line + "\n\n")->hash, kHash);
  EXPECT_EQ(OfFile(line + "\r\n\r\n")->hash, kHash);
  EXPECT_THAT(ErrorOf(line + "\n\n\n"), HasSubstr("several lines"));
  for (const std::string& other :
       {std::string("bob:") + kHash, std::string("admin:$apr1$abcdefgh$CI/5wQUJl6iCJIdEPu2N3."),
        std::string("admin:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="), line.substr(0, 40)}) {
    const absl::Status status = OfFile(other).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << other;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("pwd.txt"), Not(HasSubstr(other.substr(other.find(':') + 1)))));
  }
  for (const char* password : {"a:b", ":$2b$", "admin:secret", "$apr1$"}) {
    EXPECT_EQ(OfFile(password)->password, password);
  }
}

TEST_F(AdminPasswordTest, MalformedHashesAndPasswordsAreNamedButNotShown) {
  for (const std::string& secret : {std::string(kHash).substr(0, 40), std::string(80, 'x')}) {
    const absl::Status of_flag = OfFlag(secret).status();
    EXPECT_EQ(of_flag.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(of_flag.message()),
                AllOf(HasSubstr("the administrator's password"), Not(HasSubstr(secret))));
    const absl::Status of_file = OfFile(secret).status();
    EXPECT_EQ(of_file.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(of_file.message()),
                AllOf(HasSubstr("pwd.txt"), Not(HasSubstr(secret))));
  }
}

}  // namespace
}  // namespace registry::app
