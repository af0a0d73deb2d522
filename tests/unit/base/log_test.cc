#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <functional>
#include <thread>
#include <vector>

#include "absl/strings/str_split.h"

namespace registry::base {
namespace {

namespace json = boost::json;

// Returns what a process that runs `work` writes to standard error, line by line. The log belongs
// to the process, so each test has a process of its own; it exits before any thread of this one
// logs.
std::vector<json::object> LinesOf(const std::function<void()>& work) {
  int fds[2];
  EXPECT_EQ(pipe(fds), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(fds[1], STDERR_FILENO);
    close(fds[0]);
    close(fds[1]);
    work();
    FlushLog();
    _exit(0);
  }
  close(fds[1]);
  std::string output;
  char buffer[65536];
  ssize_t count;
  while ((count = read(fds[0], buffer, sizeof(buffer))) > 0) output.append(buffer, count);
  close(fds[0]);
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << output;

  std::vector<json::object> lines;
  for (absl::string_view line : absl::StrSplit(output, '\n', absl::SkipEmpty())) {
    json::error_code error;
    json::value value = json::parse(json::string_view(line.data(), line.size()), error);
    EXPECT_FALSE(error) << line;
    if (!error) lines.push_back(value.as_object());
  }
  return lines;
}

TEST(LogTest, ALineIsAJsonObjectWithTimeLevelMessageAndFields) {
  const std::vector<json::object> lines = LinesOf([] {
    LogInfo("stored", {{"digest", "sha256:0"}, {"bytes", 5'000'000'000}, {"seconds", 0.5}});
  });
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(std::string(lines[0].at("time").as_string()),
              ::testing::MatchesRegex("[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}Z"));
  EXPECT_EQ(lines[0].at("level"), "info");
  EXPECT_EQ(lines[0].at("message"), "stored");
  EXPECT_EQ(lines[0].at("digest"), "sha256:0");
  EXPECT_EQ(lines[0].at("bytes"), 5'000'000'000);
  EXPECT_EQ(lines[0].at("seconds"), 0.5);
}

TEST(LogTest, LevelsAreNamed) {
  const std::vector<json::object> lines = LinesOf([] {
    LogInfo("a");
    LogWarning("b");
    LogError("c");
  });
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].at("level"), "info");
  EXPECT_EQ(lines[1].at("level"), "warning");
  EXPECT_EQ(lines[2].at("level"), "error");
}

TEST(LogTest, TextFromClientsCannotBreakALine) {
  const std::string hostile = "\"}\n{\"level\":\"error\"} {} {0} %v \x1b[31m";
  const std::vector<json::object> lines = LinesOf([&] {
    LogWarning(hostile, {{"user_agent", hostile}});
  });
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].at("message"), json::value(hostile));
  EXPECT_EQ(lines[0].at("user_agent"), json::value(hostile));
}

TEST(LogTest, LinesOfSeveralThreadsAreWhole) {
  const std::vector<json::object> lines = LinesOf([] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([i] {
        for (int j = 0; j < 250; ++j) LogInfo("line", {{"thread", i}, {"number", j}});
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  EXPECT_EQ(lines.size(), 1000u);
}

// A quote takes two bytes of JSON, a control character six.
TEST(LogTest, AFieldIsBoundedAsItStandsInTheLine) {
  const std::vector<json::object> lines = LinesOf([] {
    LogInfo("request", {{"quotes", std::string(5000, '"')},
                        {"controls", std::string(1000, '\x01')},
                        {"binary", std::string(5000, '\xff')}});
  });
  ASSERT_EQ(lines.size(), 1u);
  for (const char* field : {"quotes", "controls", "binary"}) {
    const std::string text = json::serialize(lines[0].at(field));
    EXPECT_LT(text.size(), 1100u) << field;
    EXPECT_GT(text.size(), 500u) << field;
    EXPECT_NE(text.find("..."), std::string::npos) << field;
  }
}

TEST(LogTest, InvalidOrLongTextIsShownAndNeverBreaksTheLine) {
  const std::vector<json::object> lines = LinesOf([] {
    LogInfo("request", {{"user_agent", "a\xff\x80z"}, {"path", std::string(5000, 'x')}});
  });
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].at("user_agent").as_string(), "a\\xff\\x80z");
  EXPECT_LT(lines[0].at("path").as_string().size(), 1100u);
}

}  // namespace
}  // namespace registry::base
