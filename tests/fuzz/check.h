// Shared by the fuzz targets: reading inputs, and checking properties.
//
// A target is a file NAME_fuzz.cc with a function LLVMFuzzerTestOneInput. `./dev fuzz` lets
// libFuzzer make up its inputs; the tests replay those of corpus/NAME.
#ifndef REGISTRY_TESTS_FUZZ_CHECK_H_
#define REGISTRY_TESTS_FUZZ_CHECK_H_

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/utf8.h"
#include "oci/error.h"

// Ends the process if a property does not hold: both libFuzzer and the replay notice that.
#define FUZZ_CHECK(property)                                                             \
  do {                                                                                   \
    if (!(property)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #property); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

namespace registry::fuzz {

inline absl::string_view ToText(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Cuts the first line off `text`, for targets that need a second, shorter input.
inline absl::string_view TakeLine(absl::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const absl::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

// Errors in client input blame the client; their messages fit into a response and a log line.
inline void CheckClientError(const absl::Status& status, oci::ErrorCode code) {
  FUZZ_CHECK(oci::CodeOf(status) == code);
  FUZZ_CHECK(!status.message().empty() && status.message().size() < 2000);
  FUZZ_CHECK(base::IsUtf8Text(status.message()));
  FUZZ_CHECK(std::none_of(status.message().begin(), status.message().end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  }));
}

}  // namespace registry::fuzz

// Called by libFuzzer and by replay.cc.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

#endif  // REGISTRY_TESTS_FUZZ_CHECK_H_
