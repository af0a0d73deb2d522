#include "app/serve.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <future>

#include "absl/strings/str_cat.h"
#include "app/compose.h"
#include "app/config/arguments.h"
#include "app/configuration.h"
#include "app/version.h"
#include "base/log.h"

namespace registry::app {
namespace {

int Fail(const absl::Status& status) {
  base::FlushLog();
  std::fprintf(stderr, "%s: %s\n", std::string(kProgramName).c_str(),
               std::string(status.message()).c_str());
  return 1;
}

// Each connection needs a file descriptor, and the usual soft limit allows too few.
void RaiseDescriptorLimit() {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  // The old limit works too, with fewer connections at once.
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    base::LogWarning("cannot raise the limit on open files", {{"limit", limit.rlim_cur}});
  }
}

// Blocks the signals that the registry waits for, in this thread and all threads it starts.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // If a peer hangs up, one write fails; the process goes on.
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

// Waits for SIGTERM or SIGINT; 0 if neither arrives before `end`. Ignores SIGHUP.
int WaitForStopSignal(const sigset_t& signals, std::chrono::steady_clock::time_point end) {
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
        end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return 0;
    constexpr int64_t kNsPerSecond = 1'000'000'000;
    const timespec timeout{.tv_sec = left.count() / kNsPerSecond,
                           .tv_nsec = left.count() % kNsPerSecond};
    const int signal = ::sigtimedwait(&signals, nullptr, &timeout);
    if (signal == SIGTERM || signal == SIGINT) return signal;
  }
}

// Waits until the requests in progress have ended, the time is over, or another signal arrives.
void Drain(Registry& registry, const sigset_t& signals, int signal, std::chrono::seconds timeout) {
  base::LogInfo("stopping: finishing requests in progress",
                {{"signal", strsignal(signal)}, {"seconds", timeout.count()}});
  std::future<size_t> drained =
      std::async(std::launch::async, [&] { return registry.Stop(timeout); });
  while (drained.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    const int again = WaitForStopSignal(signals, soon);
    if (again == 0) continue;
    base::LogInfo("stopping at once: cutting off requests in progress",
                  {{"signal", strsignal(again)}});
    registry.CutOff();
    break;
  }
  const size_t cut_off = drained.get();
  if (cut_off > 0) base::LogWarning("requests cut off", {{"connections", cut_off}});
}

}  // namespace

int Serve(const ServeFlags& flags) {
  // Before anything else: a signal that arrives during start-up stays pending.
  const sigset_t signals = BlockSignals();
  // gRPC's threads may still run, or even hash, during exit: keep OpenSSL initialized.
  ::OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
  // Route these libraries' messages, about bad messages and failed handshakes, to our log.
  ::gpr_set_log_function([](gpr_log_func_args* line) {
    if (line->severity == GPR_LOG_SEVERITY_ERROR) base::LogWarning(line->message);
  });
  google::protobuf::SetLogHandler([](google::protobuf::LogLevel, const char*, int,
                                     const std::string& message) { base::LogWarning(message); });
  // Buffers move between threads: with one arena per thread, the heap would grow with the threads.
  ::mallopt(M_ARENA_MAX, 2);
  RaiseDescriptorLimit();
  absl::StatusOr<ServeConfiguration> configuration = Configure(flags);
  if (!configuration.ok()) return Fail(configuration.status());
  for (const std::string& warning : configuration->warnings) base::LogWarning(warning);
  const std::string data_directory = configuration->options.data_directory;
  const std::chrono::seconds shutdown_delay = configuration->shutdown_delay;
  const std::chrono::seconds drain_timeout = configuration->drain_timeout;
  const bool tls = !configuration->options.certificate_file.empty();
  absl::StatusOr<std::unique_ptr<Registry>> registry =
      Registry::Start(std::move(configuration->options));
  if (!registry.ok()) return Fail(registry.status());
  base::LogInfo("listening", {{"address", (*registry)->address()},
                              {"datadir", data_directory},
                              {"tls", tls ? "on" : "off"},
                              {"version", Version()}});

  int signal = 0;
  while (::sigwait(&signals, &signal) == 0 && signal == SIGHUP) (*registry)->ReloadFiles();
  if (shutdown_delay > std::chrono::seconds(0)) {
    base::LogInfo("stopping soon: /readyz answers 503, everything else still works",
                  {{"signal", strsignal(signal)}, {"seconds", shutdown_delay.count()}});
    (*registry)->AnnounceStop();
    const auto end = std::chrono::steady_clock::now() + shutdown_delay;
    if (const int again = WaitForStopSignal(signals, end); again != 0) signal = again;
  }
  Drain(**registry, signals, signal, drain_timeout);
  registry->reset();
  base::LogInfo("stopped");
  // The log's reader has stopped: any later write to standard error would block forever.
  if (!base::FlushLog()) ::_exit(0);
  return 0;
}

}  // namespace registry::app
