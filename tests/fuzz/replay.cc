// Runs one fuzz target on the files and folders given, without libFuzzer: so any compiler and
// sanitizer can replay a corpus as a test. Fails if there is nothing to run.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/fuzz/check.h"

namespace {

namespace fs = std::filesystem;

// Returns false if it cannot read the file.
bool Replay(const fs::path& path) {
  std::error_code error;
  std::ifstream file(path, std::ios::binary);
  if (!file || !fs::is_regular_file(path, error)) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    return false;
  }
  // If the process ends now, this file caused it.
  std::fprintf(stderr, "%s\n", path.c_str());
  // Of exactly that size, so that the address sanitizer notices reading past its end. An empty file
  // has no data at all, which libFuzzer never tries.
  const std::vector<uint8_t> input{std::istreambuf_iterator<char>(file),
                                   std::istreambuf_iterator<char>()};
  LLVMFuzzerTestOneInput(input.data(), input.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<fs::path> paths;
  for (int i = 1; i < argc; ++i) {
    std::error_code error;
    if (!fs::is_directory(argv[i], error)) {
      paths.emplace_back(argv[i]);
      continue;
    }
    const size_t before = paths.size();
    for (fs::directory_iterator it(argv[i], error), end; !error && it != end; it.increment(error)) {
      paths.push_back(it->path());
    }
    if (error || paths.size() == before) {
      std::fprintf(stderr, "%s: %s\n", argv[i],
                   error ? error.message().c_str() : "the folder is empty");
      return 1;
    }
  }
  if (paths.empty()) {
    std::fprintf(stderr, "usage: %s FILE_OR_FOLDER...\n", argv[0]);
    return 2;
  }
  std::sort(paths.begin(), paths.end());
  const bool all = std::all_of(paths.begin(), paths.end(), Replay);
  std::fprintf(stderr, "%zu inputs\n", paths.size());
  return all ? 0 : 1;
}
