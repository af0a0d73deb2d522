// Implements ReadFolders and LoadFolders of files.h.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "app/config/files.h"
#include "base/limits.h"
#include "base/quote.h"

namespace registry::app {
namespace {

namespace fs = std::filesystem;

absl::Status Failed(absl::string_view what, const std::string& path, absl::string_view why,
                    absl::string_view remedy) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, " ", base::Quote(path), ": ", why, "; ", remedy));
}

std::string Describe(int error) { return std::generic_category().message(error); }

bool IsYaml(const fs::path& path) {
  const std::string extension = path.extension().string();
  return absl::EqualsIgnoreCase(extension, ".yaml") || absl::EqualsIgnoreCase(extension, ".yml");
}

// The sorted paths of the YAML files in a folder.
absl::StatusOr<std::vector<std::string>> ListFolder(const std::string& folder) {
  constexpr absl::string_view kRemedy = "name an existing folder that this process can read";
  std::error_code error;
  std::vector<std::string> paths;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    // Follows links. A dangling link is reported on reading it.
    std::error_code ignored;
    if (IsYaml(entry->path()) && !entry->is_directory(ignored)) paths.push_back(entry->path());
    if (paths.size() > base::kMaxPolicyFiles) {
      return Failed("the folder", folder,
                    absl::StrCat("has more than ", base::kMaxPolicyFiles, " YAML files"),
                    "put several documents into one file");
    }
  }
  if (error) return Failed("cannot read the folder", folder, error.message(), kRemedy);
  std::sort(paths.begin(), paths.end());
  return paths;
}

absl::StatusOr<std::string> ReadOneFile(const std::string& path) {
  constexpr absl::string_view kRemedy = "make it readable for this process, or remove it";
  // O_NONBLOCK, because opening a named pipe would wait for a writer.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return Failed("cannot read", path, Describe(errno), kRemedy);
  const absl::Cleanup close_file = [file] { close(file); };
  struct stat status;
  if (fstat(file, &status) != 0) return Failed("cannot read", path, Describe(errno), kRemedy);
  if (!S_ISREG(status.st_mode)) {
    return Failed("cannot read", path, "not a regular file", "remove or rename it");
  }

  std::string content;
  // One byte more than allowed, to notice a file that is too large even while it grows.
  content.resize(base::kMaxPolicyFileBytes + 1);
  size_t size = 0;
  while (size < content.size()) {
    const ssize_t got = read(file, content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed("cannot read", path, Describe(errno), kRemedy);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > base::kMaxPolicyFileBytes) {
    return Failed("cannot read", path,
                  absl::StrCat("it has more than ", base::kMaxPolicyFileBytes, " bytes"),
                  "split it into several files");
  }
  content.resize(size);
  content.shrink_to_fit();
  return content;
}

}  // namespace

absl::StatusOr<std::vector<SourceFile>> ReadFolders(const std::vector<std::string>& folders) {
  std::vector<SourceFile> files;
  size_t bytes = 0;
  for (const std::string& folder : folders) {
    absl::StatusOr<std::vector<std::string>> paths = ListFolder(folder);
    if (!paths.ok()) return paths.status();
    for (std::string& path : *paths) {
      absl::StatusOr<std::string> content = ReadOneFile(path);
      if (!content.ok()) return content.status();
      bytes += content->size();
      files.push_back({.path = std::move(path), .content = *std::move(content)});
      if (files.size() > base::kMaxPolicyFiles || bytes > base::kMaxPolicyBytes) {
        return Failed("the folders up to", folder,
                      absl::StrCat("hold more than ", base::kMaxPolicyFiles, " YAML files or ",
                                   base::kMaxPolicyBytes, " bytes of them"),
                      "remove unneeded files");
      }
    }
  }
  // Surely a mistake: the folder is not mounted, or its files are not written yet.
  if (files.empty() && !folders.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("no *.yaml or *.yml files in ",
                                                   absl::StrJoin(folders, ", "),
                                                   "; check that the folder is right and mounted"));
  }
  return files;
}

absl::StatusOr<LoadedFiles> LoadFolders(const std::vector<std::string>& folders) {
  const absl::StatusOr<std::vector<SourceFile>> files = ReadFolders(folders);
  return files.ok() ? ParseFiles(*files) : files.status();
}

}  // namespace registry::app
