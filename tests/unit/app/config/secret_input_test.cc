#include "app/config/secret_input.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <functional>
#include <sstream>
#include <thread>

#include "app/genhash.h"
#include "controlplane/passwords.h"

namespace registry::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A pseudo-terminal: `screen` is the person's side.
class Terminal {
 public:
  Terminal() : screen_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    EXPECT_EQ(grantpt(screen_), 0);
    EXPECT_EQ(unlockpt(screen_), 0);
    char name[100];
    EXPECT_EQ(ptsname_r(screen_, name, sizeof(name)), 0);
    fd_ = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT_GE(fd_, 0);
  }
  ~Terminal() {
    close(fd_);
    close(screen_);
  }

  int fd() const { return fd_; }
  bool Echoes() const {
    termios settings;
    EXPECT_EQ(tcgetattr(fd_, &settings), 0);
    return (settings.c_lflag & ECHO) != 0;
  }
  // Waits for the prompt: input typed before is discarded.
  void WaitForSilence() const {
    while (Echoes()) std::this_thread::yield();
  }
  void Type(const std::string& text) const {
    EXPECT_EQ(write(screen_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // What a person would see so far.
  std::string Shown() const {
    fcntl(screen_, F_SETFL, O_NONBLOCK);
    char text[1000];
    const ssize_t size = read(screen_, text, sizeof(text));
    return std::string(text, size < 0 ? 0 : static_cast<size_t>(size));
  }

 private:
  int screen_;
  int fd_;
};

// The read end of a pipe that holds `content`.
class Pipe {
 public:
  explicit Pipe(const std::string& content) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    fd_ = ends[0];
    EXPECT_EQ(write(ends[1], content.data(), content.size()), static_cast<ssize_t>(content.size()));
    close(ends[1]);
  }
  ~Pipe() { close(fd_); }
  int fd() const { return fd_; }

 private:
  int fd_;
};

TEST(SecretInputTest, ATerminalDoesNotShowWhatIsTyped) {
  const Terminal terminal;
  std::thread person([&] {
    terminal.WaitForSilence();
    terminal.Type("hush\n");
  });
  std::ostringstream prompts;
  const absl::StatusOr<std::string> secret = PromptSecret(terminal.fd(), "Password: ", prompts);
  person.join();
  EXPECT_EQ(secret.value(), "hush");
  EXPECT_EQ(prompts.str(), "Password: \n");
  EXPECT_TRUE(terminal.Echoes());
  EXPECT_THAT(terminal.Shown(), Not(HasSubstr("hush")));
}

TEST(SecretInputTest, NothingEnteredIsAnError) {
  const Terminal terminal;
  std::ostringstream prompts;
  for (const char* input : {"\n", "\x04" /* Ctrl-D */}) {
    std::thread person([&] {
      terminal.WaitForSilence();
      terminal.Type(input);
    });
    const absl::StatusOr<std::string> secret = PromptSecret(terminal.fd(), "", prompts);
    person.join();
    EXPECT_EQ(secret.status().message(), "no password was entered");
    EXPECT_TRUE(terminal.Echoes());
  }
}

TEST(SecretInputTest, EchoIsBackBeforeASignalEndsTheProcess) {
  const Terminal terminal;
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    EXPECT_EXIT(
        {
          const pthread_t reader = pthread_self();
          std::thread([&] {
            terminal.WaitForSilence();
            // Until the reader waits for input, it would only record a signal.
            while (true) {
              pthread_kill(reader, signal);
              std::this_thread::yield();
            }
          }).detach();
          std::ostringstream prompts;
          const absl::StatusOr<std::string> secret = PromptSecret(terminal.fd(), "", prompts);
          _exit(0);
        },
        testing::KilledBySignal(signal), "");
    EXPECT_TRUE(terminal.Echoes());
  }
}

TEST(SecretInputTest, ADescriptorThatIsNotATerminalIsAnError) {
  const Pipe pipe("x\n");
  std::ostringstream prompts;
  EXPECT_THAT(std::string(PromptSecret(pipe.fd(), "", prompts).status().message()),
              HasSubstr("cannot use the terminal"));
}

TEST(SecretInputTest, APipeHoldsOneLine) {
  EXPECT_EQ(ReadSecretLine(Pipe("secret").fd()).value(), "secret");
  EXPECT_EQ(ReadSecretLine(Pipe("secret\n").fd()).value(), "secret");
  EXPECT_EQ(ReadSecretLine(Pipe("\xef\xbb\xbfsecret\r\n").fd()).value(), "secret");
  EXPECT_EQ(ReadSecretLine(Pipe("secret\xef\xbb\xbf").fd()).value(), "secret\xef\xbb\xbf");
  EXPECT_THAT(std::string(ReadSecretLine(Pipe("\xef\xbb\xbf\n").fd()).status().message()),
              HasSubstr("empty"));
  for (const char* utf16 : {"\xff\xfes\x01", "\xfe\xff\x01s"}) {
    EXPECT_THAT(std::string(ReadSecretLine(Pipe(utf16).fd()).status().message()),
                HasSubstr("UTF-16"));
  }
  EXPECT_EQ(ReadSecretLine(Pipe(std::string(4096, 'x')).fd()).value().size(), 4096u);
  EXPECT_THAT(std::string(ReadSecretLine(Pipe("").fd()).status().message()), HasSubstr("empty"));
  EXPECT_THAT(std::string(ReadSecretLine(Pipe("a\nb").fd()).status().message()),
              HasSubstr("several lines"));
  EXPECT_THAT(std::string(ReadSecretLine(Pipe(std::string(4097, 'x')).fd()).status().message()),
              HasSubstr("more than 4096 bytes"));
  EXPECT_THAT(std::string(ReadSecretLine(-1).status().message()), HasSubstr("cannot read it"));
}

TEST(GenhashTest, HashesThePasswordOfAPipe) {
  std::ostringstream prompts;
  const std::string hash = HashFromInput(Pipe("secret\n").fd(), prompts).value();
  EXPECT_TRUE(controlplane::VerifyPassword("secret", hash));
  EXPECT_EQ(prompts.str(), "");
  EXPECT_EQ(HashFromInput(Pipe("").fd(), prompts).status().message(),
            "standard input: it is empty; one line is expected");
  EXPECT_THAT(
      std::string(HashFromInput(Pipe(std::string(73, 'x')).fd(), prompts).status().message()),
      HasSubstr("73 bytes"));
}

// Answers both prompts of genhash and returns what it says.
absl::StatusOr<std::string> AnswerTwice(const std::string& first, const std::string& second) {
  const Terminal terminal;
  // The stream flushes after each prompt, when echo is already off.
  class Person : public std::stringbuf {
   public:
    Person(const Terminal& terminal, std::vector<std::string> answers)
        : terminal_(terminal), answers_(std::move(answers)) {}
    int sync() override {
      if (str().ends_with(": ") && next_ < answers_.size()) terminal_.Type(answers_[next_++]);
      return 0;
    }

   private:
    const Terminal& terminal_;
    const std::vector<std::string> answers_;
    size_t next_ = 0;
  } person(terminal, {first + "\n", second + "\n"});
  std::ostream prompts(&person);
  absl::StatusOr<std::string> hash = HashFromInput(terminal.fd(), prompts);
  EXPECT_EQ(person.str(), "Password: \nRepeat password: \n");
  EXPECT_TRUE(terminal.Echoes());
  return hash;
}

TEST(GenhashTest, AsksTwiceAtATerminal) {
  EXPECT_TRUE(controlplane::VerifyPassword("secret", AnswerTwice("secret", "secret").value()));
  EXPECT_EQ(AnswerTwice("secret", "Secret").status().message(), "the two passwords differ");
}

}  // namespace
}  // namespace registry::app
