#include "app/config/secret_input.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace registry::app {
namespace {

constexpr size_t kMaxBytes = 4096;

absl::Status TooLong() {
  return absl::InvalidArgumentError(
      absl::StrCat("it has more than ", kMaxBytes, " bytes; one short line is expected"));
}

// The signal that arrived while a person typed a secret; 0 for none.
volatile sig_atomic_t caught_signal = 0;

// While it lives, only records the signals that end or stop the process, so that the terminal can
// be restored first. Works like OpenBSD's readpassphrase(3).
class SignalCatcher {
 public:
  SignalCatcher() {
    caught_signal = 0;
    struct sigaction note = {};
    note.sa_handler = [](int signal) { caught_signal = signal; };
    // Without SA_RESTART: read() must return.
    sigemptyset(&note.sa_mask);
    for (size_t i = 0; i < kSignals.size(); ++i) {
      sigaction(kSignals[i], nullptr, &old_[i]);
      if (old_[i].sa_handler != SIG_IGN) sigaction(kSignals[i], &note, nullptr);
    }
  }
  ~SignalCatcher() {
    for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &old_[i], nullptr);
  }

 private:
  static constexpr std::array<int, 5> kSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
  std::array<struct sigaction, kSignals.size()> old_;
};

// Turns echo off while it lives.
class NoEcho {
 public:
  static absl::Status Check(int fd) {
    termios settings;
    if (tcgetattr(fd, &settings) != 0) return absl::ErrnoToStatus(errno, "cannot use the terminal");
    return absl::OkStatus();
  }
  explicit NoEcho(int fd) : fd_(fd) {
    tcgetattr(fd_, &old_);
    termios silent = old_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL);
    tcsetattr(fd_, TCSAFLUSH, &silent);
  }
  ~NoEcho() { tcsetattr(fd_, TCSANOW, &old_); }

 private:
  const int fd_;
  termios old_;
};

// Reads one line without its newline. At the end of input or a signal, returns what it has so far.
absl::StatusOr<std::string> ReadLine(int fd) {
  std::string line;
  while (caught_signal == 0) {
    char c;
    const ssize_t count = read(fd, &c, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, "cannot read the terminal");
    if (count == 0 || c == '\n') break;
    if (line.size() == kMaxBytes) return TooLong();
    line.push_back(c);
  }
  return line;
}

}  // namespace

absl::StatusOr<std::string> ReadSecretLine(int fd) {
  std::string text(kMaxBytes + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = read(fd, text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, "cannot read it");
    if (count == 0) break;
    size += static_cast<size_t>(count);
  }
  if (size > kMaxBytes) return TooLong();
  absl::string_view line = absl::string_view(text).substr(0, size);
  // The byte order mark that editors on Windows write.
  if (absl::StartsWith(line, "\xff\xfe") || absl::StartsWith(line, "\xfe\xff")) {
    return absl::InvalidArgumentError("it is UTF-16 text; save it as UTF-8");
  }
  absl::ConsumePrefix(&line, "\xef\xbb\xbf");
  if (absl::ConsumeSuffix(&line, "\n")) absl::ConsumeSuffix(&line, "\r");
  // htpasswd -n writes an empty line after NAME:HASH.
  if (absl::StrContains(line, ":$2") && absl::ConsumeSuffix(&line, "\n")) {
    absl::ConsumeSuffix(&line, "\r");
  }
  if (line.empty()) return absl::InvalidArgumentError("it is empty; one line is expected");
  if (absl::StrContains(line, '\n')) {
    return absl::InvalidArgumentError("it has several lines; one is expected");
  }
  return std::string(line);
}

absl::StatusOr<std::string> PromptSecret(int terminal_fd, absl::string_view prompt,
                                         std::ostream& prompts) {
  if (absl::Status status = NoEcho::Check(terminal_fd); !status.ok()) return status;
  while (true) {
    absl::StatusOr<std::string> line;
    {
      const SignalCatcher catcher;
      const NoEcho no_echo(terminal_fd);
      prompts << prompt << std::flush;
      line = ReadLine(terminal_fd);
      // The terminal did not echo the person's newline.
      prompts << std::endl;
    }
    if (const int signal = std::exchange(caught_signal, 0); signal != 0) {
      // Now the signal takes its usual effect. After a stop (Ctrl-Z) and resume, ask again.
      raise(signal);
      continue;
    }
    if (line.ok() && line->empty()) return absl::InvalidArgumentError("no password was entered");
    return line;
  }
}

}  // namespace registry::app
