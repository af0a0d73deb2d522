#include "app/serve.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "app/compose.h"
#include "app/configuration.h"
#include "app/help.h"
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
  base::LogInfo("stopping: finishing requests in progress", {{"signal", strsignal(signal)}});
  const size_t cut_off = (*registry)->Stop();
  if (cut_off > 0) base::LogWarning("requests cut off", {{"connections", cut_off}});
  registry->reset();
  base::LogInfo("stopped");
  // The log's reader has stopped: any later write to standard error would block forever.
  if (!base::FlushLog()) ::_exit(0);
  return 0;
}

}  // namespace registry::app
