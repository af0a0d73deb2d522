#include "controlplane/sql/postgres/libpq.h"

#include <dlfcn.h>

#include <mutex>

#include "absl/strings/str_cat.h"

namespace registry::controlplane {
namespace {

constexpr char kLibrary[] = "libpq.so.5";

std::mutex mutex;
Libpq functions;

absl::Status Load(void* library) {
#define REGISTRY_FIND(function)                                                                   \
  functions.function = reinterpret_cast<decltype(functions.function)>(dlsym(library, #function)); \
  if (functions.function == nullptr) {                                                            \
    return absl::FailedPreconditionError(                                                         \
        absl::StrCat(kLibrary, " has no function " #function ": install libpq 14 or newer"));     \
  }
  REGISTRY_LIBPQ_FUNCTIONS(REGISTRY_FIND)
#undef REGISTRY_FIND
  return absl::OkStatus();
}

}  // namespace

absl::Status LoadLibpq() {
  std::lock_guard lock(mutex);
  if (functions.PQtransactionStatus != nullptr) return absl::OkStatus();
  void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("PostgreSQL needs the library ", kLibrary,
                                                      ": install the package libpq5 (", dlerror(),
                                                      ")"));
  }
  return Load(library);
}

const Libpq& libpq() { return functions; }

}  // namespace registry::controlplane
