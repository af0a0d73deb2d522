#include "app/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <sstream>

#include "app/help.h"
#include "app/version.h"
#include "controlplane/passwords.h"

namespace registry::app {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

struct Outcome {
  int code = 0;
  std::string output;
  std::string errors;
  // The address that serve was started with; empty if it was not started.
  std::string served;
};

Outcome RunWith(const std::vector<const char*>& args, int input_fd = -1) {
  Outcome outcome;
  std::ostringstream output;
  std::ostringstream errors;
  outcome.code = RunCli({.args = args,
                         .environment = {{"SIMPLE_REGISTRY_ADMINPWD", "x"}},
                         .serve =
                             [&](const ServeFlags& flags) {
                               outcome.served = flags.address.ToString();
                               return 7;
                             },
                         .input_fd = input_fd,
                         .output = output,
                         .errors = errors});
  outcome.output = output.str();
  outcome.errors = errors.str();
  return outcome;
}

TEST(CliTest, HelpIsPrintedHoweverItIsAskedFor) {
  const struct {
    std::vector<const char*> args;
    const char* command;
  } cases[] = {
      {{"help"}, ""},
      {{"-h"}, ""},
      {{"--help"}, ""},
      {{"-help"}, ""},
      {{"help", "serve"}, "serve"},
      {{"serve", "-h"}, "serve"},
      {{"serve", "--help"}, "serve"},
      {{"serve", "-addr", ":1", "-bad", "-help"}, "serve"},
      {{"help", "genhash"}, "genhash"},
      {{"genhash", "-h"}, "genhash"},
      {{"help", "version"}, "version"},
      {{"version", "-h"}, "version"},
      {{"help", "help"}, "help"},
      {{"help", "-h"}, "help"},
  };
  for (const auto& test : cases) {
    const Outcome outcome = RunWith(test.args);
    EXPECT_EQ(outcome.code, kExitOk) << outcome.errors;
    EXPECT_EQ(outcome.output, HelpText(test.command));
    EXPECT_EQ(outcome.errors, "");
    EXPECT_EQ(outcome.served, "");
  }
}

TEST(CliTest, HelpFitsATerminal) {
  for (const char* command : {"", "serve", "admin", "check", "genhash", "version", "help"}) {
    std::istringstream text{std::string(HelpText(command))};
    for (std::string line; std::getline(text, line);) EXPECT_LE(line.size(), 100u) << line;
  }
}

TEST(CliTest, WrongCommandLinesExitWith2AndOneSentence) {
  const struct {
    std::vector<const char*> args;
    const char* error;
  } cases[] = {
      {{}, "no command given"},
      {{""}, R"(unknown command "")"},
      {{"sevre"},
       R"(unknown command "sevre": the commands are serve, admin, check, genhash, version and help)"},
      {{"-addr", ":1"}, R"(unknown command "-addr")"},
      {{"help", "sevre"}, R"(unknown command "sevre")"},
      {{"help", "serve", "genhash"}, "help takes at most one command"},
      {{"genhash", "secret"}, R"(genhash takes no arguments, but was given "secret")"},
      {{"version", "x"}, "version takes no arguments"},
      {{"serve", "-bad"}, R"(unknown flag "-bad")"},
  };
  for (const auto& test : cases) {
    const Outcome outcome = RunWith(test.args);
    EXPECT_EQ(outcome.code, kExitUsage);
    EXPECT_EQ(outcome.output, "");
    EXPECT_THAT(outcome.errors, StartsWith("simple-registry: "));
    EXPECT_THAT(outcome.errors, HasSubstr(test.error));
    EXPECT_THAT(outcome.errors, HasSubstr("help"));
    EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1);
  }
}

TEST(CliTest, ServeGetsItsFlagsAndGivesTheExitCode) {
  const Outcome outcome = RunWith({"serve", "-addr", ":1"});
  EXPECT_EQ(outcome.code, 7);
  EXPECT_EQ(outcome.served, ":1");
}

TEST(CliTest, VersionIsThatOfTheBuild) {
  const Outcome outcome = RunWith({"version"});
  EXPECT_EQ(outcome.code, kExitOk);
  EXPECT_THAT(outcome.output, MatchesRegex("simple-registry [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  EXPECT_THAT(outcome.output, HasSubstr(std::string(Version())));
}

TEST(CliTest, GenhashPrintsTheHashOrFailsWith1) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "secret\n", 7), 7);
  close(ends[1]);
  Outcome outcome = RunWith({"genhash"}, ends[0]);
  EXPECT_EQ(outcome.code, kExitOk);
  ASSERT_EQ(outcome.output.size(), 61u);
  EXPECT_EQ(outcome.output.back(), '\n');
  EXPECT_TRUE(controlplane::VerifyPassword("secret", outcome.output.substr(0, 60)));

  // Now the pipe is empty.
  outcome = RunWith({"genhash"}, ends[0]);
  close(ends[0]);
  EXPECT_EQ(outcome.code, kExitFailed);
  EXPECT_EQ(outcome.output, "");
  EXPECT_EQ(outcome.errors, "simple-registry: standard input: it is empty; one line is expected\n");
}

TEST(CliTest, OutputThatCannotBeWrittenIsAFailure) {
  std::ostringstream output;
  output.setstate(std::ios::failbit);
  std::ostringstream errors;
  const std::vector<const char*> args = {"version"};
  EXPECT_EQ(RunCli({.args = args,
                    .environment = {},
                    .serve = {},
                    .input_fd = -1,
                    .output = output,
                    .errors = errors}),
            kExitFailed);
  EXPECT_THAT(errors.str(), HasSubstr("cannot write"));
}

}  // namespace
}  // namespace registry::app
