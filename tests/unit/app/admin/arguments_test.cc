#include "app/admin/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace registry::app::admin {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Args = std::vector<const char*>;

AdminArguments Parse(const Args& args, const Environment& environment = {}) {
  absl::StatusOr<AdminArguments> arguments = ParseAdminArguments(args, environment);
  EXPECT_TRUE(arguments.ok()) << arguments.status();
  return arguments.ok() ? *std::move(arguments) : AdminArguments();
}

std::string Error(const Args& args, const Environment& environment = {}) {
  return std::string(ParseAdminArguments(args, environment).status().message());
}

const Environment kElsewhere = {{"SIMPLE_REGISTRY_SERVER", "h:1"},
                                {"SIMPLE_REGISTRY_CLIENTCERTFILE", "c"},
                                {"SIMPLE_REGISTRY_CLIENTKEYFILE", "k"},
                                {"SIMPLE_REGISTRY_SERVERCAFILE", "a"}};

TEST(AdminArgumentsTest, CommandsOfResourcesHaveATypeAndNames) {
  const AdminArguments arguments = Parse({"users", "get", "bob", "users/eve", "-o", "json"});
  ASSERT_NE(arguments.type, nullptr);
  EXPECT_EQ(arguments.type->singular, "User");
  EXPECT_EQ(arguments.command, "get");
  EXPECT_THAT(arguments.words, ElementsAre("bob", "eve"));
  EXPECT_TRUE(arguments.json);
  EXPECT_THAT(arguments.settings, IsEmpty());
}

TEST(AdminArgumentsTest, OtherCommandsHaveNone) {
  const AdminArguments arguments = Parse({"explain", "users/bob", "pull", "team/app:v1"});
  EXPECT_EQ(arguments.type, nullptr);
  EXPECT_THAT(arguments.words, ElementsAre("users/bob", "pull", "team/app:v1"));
  EXPECT_EQ(Parse({"audit", "-limit", "7"}).limit, 7);
  EXPECT_EQ(Parse({"audit"}).limit, 50);
}

TEST(AdminArgumentsTest, TheRegistryIsAFolderOrAServer) {
  EXPECT_EQ(Parse({"reload"}).target.data_dir, "./data");
  EXPECT_EQ(Parse({"reload"}, {{"SIMPLE_REGISTRY_DATADIR", "/d"}}).target.data_dir, "/d");
  const Target target = Parse({"reload"}, kElsewhere).target;
  EXPECT_EQ(target.server->ToString(), "h:1");
  EXPECT_EQ(target.client_cert_file + target.client_key_file + target.server_ca_file, "cka");
  EXPECT_FALSE(Parse({"reload", "-datadir", "d"}, kElsewhere).target.server.has_value())
      << "a flag wins";
  EXPECT_THAT(Error({"reload", "-server", "h:1", "-clientcertfile", "c"}),
              HasSubstr("-clientkeyfile is missing"));
  EXPECT_THAT(Error({"reload", "-servercafile", "a"}), HasSubstr("no effect without -server"));
  EXPECT_THAT(Error({"reload", "-server", "h:1", "-datadir", "d"}), HasSubstr("exclude"));
  EXPECT_THAT(Error({"reload", "-server", ":1"}, kElsewhere), HasSubstr("not HOST:PORT"));
}

TEST(AdminArgumentsTest, CreatingNeedsRequiredFlags) {
  for (const char* flag : {"-role", "-subjects", "-scopes"}) {
    Args args = {"bindings", "create", "b"};
    for (const char* other : {"-role", "-subjects", "-scopes"}) {
      if (other != flag) args.insert(args.end(), {other, "x"});
    }
    EXPECT_THAT(Error(args), HasSubstr(std::string("bindings create needs ") + flag));
  }
  Parse({"bindings", "update", "b", "-role", "r"});
}

TEST(AdminArgumentsTest, ValuesAreCheckedBeforeTheCall) {
  EXPECT_THAT(Error({"roles", "update", "r", "-addverbs", "FETCH"}),
              HasSubstr("\"FETCH\" is unknown"));
  EXPECT_THAT(Error({"tokens", "update", "t", "-expires", "soon"}), HasSubstr("\"soon\""));
  Parse({"roles", "update", "r", "-removeverbs", "get,HEAD"});
}

TEST(AdminArgumentsTest, ErrorsAreOneSentence) {
  for (const Args& args :
       {Args{}, Args{"frob"}, Args{"users"}, Args{"users", "create"}, Args{"groups", "revoke", "x"},
        Args{"users", "get", "users/"}, Args{"tokens", "update", "t", "-adduser", "x"},
        Args{"users", "create", "x", "-password"}}) {
    EXPECT_THAT(Error(args), AllOf(EndsWith("; see 'simple-registry help admin'")));
  }
}

}  // namespace
}  // namespace registry::app::admin
