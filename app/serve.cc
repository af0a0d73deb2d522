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

// Each connection is a file descriptor, and the usual soft limit is far below what is served.
void RaiseDescriptorLimit() {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  // The old limit still serves, only fewer connections at once.
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    base::LogWarning("cannot raise the limit on open files", {{"limit", limit.rlim_cur}});
  }
}

// The signals that the registry waits for, blocked in this thread and all that it starts.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A peer that hangs up is an error of one write, not the end of the process.
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

}  // namespace

int Serve(const ServeFlags& flags) {
  // Before anything else: a signal that comes while the registry starts waits for it.
  const sigset_t signals = BlockSignals();
  // Threads of gRPC may still end, or even hash, while the process ends: OpenSSL stays until then.
  ::OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
  // What these libraries have to say, of messages and handshakes that fail, are lines of our log.
  ::gpr_set_log_function([](gpr_log_func_args* line) {
    if (line->severity == GPR_LOG_SEVERITY_ERROR) base::LogWarning(line->message);
  });
  google::protobuf::SetLogHandler([](google::protobuf::LogLevel, const char*, int,
                                     const std::string& message) { base::LogWarning(message); });
  // Buffers move between threads; with an arena for each the heap would grow with the threads.
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
  base::LogInfo("stopping: requests under way are finished", {{"signal", strsignal(signal)}});
  const size_t cut_off = (*registry)->Stop();
  if (cut_off > 0) base::LogWarning("requests were cut off", {{"connections", cut_off}});
  registry->reset();
  base::LogInfo("stopped");
  // Nobody reads the log: whatever else writes to standard error at the end would wait for ever.
  if (!base::FlushLog()) ::_exit(0);
  return 0;
}

}  // namespace registry::app
