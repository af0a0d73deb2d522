// A folder for one test, removed with its contents; and helpers for files.
#ifndef REGISTRY_TESTS_UNIT_DATAPLANE_TEMP_FOLDER_H_
#define REGISTRY_TESTS_UNIT_DATAPLANE_TEMP_FOLDER_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/string_view.h"
#include "base/hash.h"
#include "oci/digest.h"

namespace registry::dataplane {

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = ::testing::TempDir() + "dataplane-XXXXXX";
    path_ = ::mkdtemp(pattern.data()) == nullptr ? "" : pattern;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline void WriteFile(const std::string& path, absl::string_view text) {
  std::ofstream(path, std::ios::binary)
      .write(text.data(), static_cast<std::streamsize>(text.size()));
}

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Bytes that depend on position and seed.
inline std::string TestBytes(size_t size, unsigned seed = 1) {
  std::string bytes(size, '\0');
  unsigned state = seed;
  for (char& c : bytes) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return bytes;
}

inline oci::Digest DigestOf(absl::string_view bytes,
                            oci::DigestAlgorithm algorithm = oci::DigestAlgorithm::kSha256) {
  base::Hasher hasher(oci::DigestAlgorithmName(algorithm).data());
  hasher.Update(bytes);
  return oci::Digest::FromHash(algorithm, hasher.Finish());
}

}  // namespace registry::dataplane

#endif  // REGISTRY_TESTS_UNIT_DATAPLANE_TEMP_FOLDER_H_
