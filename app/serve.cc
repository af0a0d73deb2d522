#include "app/serve.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "app/admin_password.h"
#include "app/compose.h"
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

// The signals that end the registry, blocked in this thread and all that it starts.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A peer that hangs up is an error of one write, not the end of the process.
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

}  // namespace

int Serve(const ServeFlags& flags) {
  // Threads of gRPC may still end, or even hash, while the process ends: OpenSSL stays until then.
  ::OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
  const sigset_t stop_signals = BlockStopSignals();
  // Buffers move between threads; with an arena for each the heap would grow with the threads.
  ::mallopt(M_ARENA_MAX, 2);
  RaiseDescriptorLimit();
  for (const std::string& warning : flags.warnings) base::LogWarning(warning);

  const absl::StatusOr<std::string> password_hash = AdminPasswordHash(flags);
  if (!password_hash.ok()) return Fail(password_hash.status());
  RegistryOptions options;
  options.host = flags.address.host;
  options.port = flags.address.port;
  options.data_directory = flags.data_dir;
  options.admin_name = flags.admin_name;
  options.admin_password_hash = *password_hash;
  options.certificate_file = flags.cert_file;
  options.private_key_file = flags.key_file;
  options.sparse_repositories = flags.sparse;
  absl::StatusOr<std::unique_ptr<Registry>> registry = Registry::Start(std::move(options));
  if (!registry.ok()) return Fail(registry.status());
  base::LogInfo("listening", {{"address", (*registry)->address()},
                              {"datadir", flags.data_dir},
                              {"tls", flags.cert_file.empty() ? "off" : "on"},
                              {"version", Version()}});

  int signal = 0;
  ::sigwait(&stop_signals, &signal);
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
