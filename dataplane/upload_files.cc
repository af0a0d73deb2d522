#include "dataplane/upload_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "oci/error.h"

namespace registry::dataplane {
namespace {

// Starting write-back after this many bytes keeps the disk busy while the client sends, so that
// closing the upload has little to wait for.
constexpr int64_t kWritebackBytes = 8 * 1024 * 1024;

absl::Status WrongOffset(int64_t size_bytes, int64_t offset) {
  return oci::MakeError(oci::ErrorCode::kBlobUploadInvalid,
                        absl::StrCat("the upload has ", size_bytes, " bytes: continue at offset ",
                                     size_bytes, ", not at ", offset));
}

}  // namespace

struct UploadWriter {
  UploadWriter(UploadFiles& files, Incarnation incarnation, UniqueFd fd, int64_t size_bytes,
               std::optional<HashState> hash, UploadFiles::OnCut on_cut)
      : files(files),
        incarnation(std::move(incarnation)),
        fd(std::move(fd)),
        size_bytes(size_bytes),
        writeback_from(size_bytes),
        hash(std::move(hash)),
        on_cut(std::move(on_cut)) {}

  // Does not keep its hash state, because a newer writer may exist by now.
  ~UploadWriter() {
    hash.reset();
    files.Release(*this);
  }

  UploadFiles& files;
  const Incarnation incarnation;
  UniqueFd fd;
  int64_t size_bytes;
  int64_t writeback_from;
  // Absent if a part of the bytes was written before this process started.
  std::optional<HashState> hash;
  UploadFiles::OnCut on_cut;
  // Why the writer accepts no more bytes.
  absl::Status ended;
};

UploadFiles::UploadFiles(DataFolder& folder, BlobFiles& blobs, size_t max_hash_states)
    : folder_(folder), blobs_(blobs), hash_states_(max_hash_states) {}

absl::StatusOr<std::shared_ptr<UploadWriter>> UploadFiles::BeginWrite(
    const Incarnation& incarnation, int64_t offset, oci::DigestAlgorithm algorithm, OnCut on_cut) {
  absl::Status status = folder_.CheckWritable();
  if (!status.ok()) return status;
  // Cut first, even if the offset turns out to be wrong: from then on the size is stable, and a
  // client that asks for it can resume.
  Cut(incarnation, absl::AbortedError("a newer request continues this upload"));

  absl::StatusOr<UniqueFd> fd = OpenUpload(incarnation, offset);
  if (!fd.ok()) return fd.status();
  absl::StatusOr<int64_t> size = FileSize(fd->get(), incarnation.UploadPath());
  if (!size.ok()) return size.status();
  if (*size != offset) return WrongOffset(*size, offset);

  std::optional<HashState> hash = hash_states_.Take(incarnation);
  if (*size == 0) {
    hash.emplace(algorithm);
  } else if (hash.has_value() && (hash->algorithm != algorithm || hash->size_bytes != *size)) {
    hash.reset();
  }
  auto writer = std::make_shared<UploadWriter>(*this, incarnation, *std::move(fd), *size,
                                               std::move(hash), std::move(on_cut));
  std::lock_guard lock(mutex_);
  writers_[incarnation.ToString()] = {writer.get(), writer};
  return writer;
}

absl::StatusOr<UniqueFd> UploadFiles::OpenUpload(const Incarnation& incarnation, int64_t offset) {
  const std::string path = incarnation.UploadPath();
  UniqueFd fd = OpenAt(folder_.root_fd(), path.c_str(), O_RDWR);
  if (fd.ok()) return fd;
  if (errno == ENOENT) {
    // An upload is either unfinished or finished, because rename is atomic: so look there last.
    absl::Status finished = blobs_.Find(incarnation, std::nullopt).status();
    if (finished.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("the upload ", incarnation.ToString(), " is already finished"));
    }
    if (!absl::IsNotFound(finished)) return finished;
    if (offset != 0) return WrongOffset(0, offset);
    fd = OpenAt(folder_.root_fd(), path.c_str(), O_RDWR | O_CREAT | O_EXCL);
    if (fd.ok()) return fd;
  }
  return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
}

absl::Status UploadFiles::Append(UploadWriter& writer, absl::string_view chunk) {
  if (!writer.ended.ok()) return writer.ended;
  absl::Status status = folder_.CheckWritable();
  if (status.ok()) status = folder_.CheckRoom();
  if (status.ok()) {
    size_t written;
    status = WriteAt(writer.fd.get(), writer.size_bytes, chunk, writer.incarnation.UploadPath(),
                     written);
    // Bytes in the file count, even if the disk became full in the middle of the chunk.
    writer.size_bytes += static_cast<int64_t>(written);
    if (writer.hash.has_value()) writer.hash->Update(chunk.substr(0, written));
  }
  if (!status.ok()) {
    Release(writer);
    writer.ended = status;
    if (!absl::IsResourceExhausted(status)) return status;
    if (const absl::Status deleted = DeleteUnfinished(writer.incarnation); !deleted.ok()) {
      base::LogWarning(
          "cannot delete an upload that fills the disk; deleting it later",
          {{"incarnation", writer.incarnation.ToString()}, {"error", deleted.message()}});
    }
    return status;
  }
  if (const int64_t dirty = writer.size_bytes - writer.writeback_from; dirty >= kWritebackBytes) {
    // Only a hint; the final flush makes sure that the bytes are on disk.
    ::sync_file_range(writer.fd.get(), writer.writeback_from, dirty, SYNC_FILE_RANGE_WRITE);
    writer.writeback_from = writer.size_bytes;
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> UploadFiles::EndWrite(UploadWriter& writer) {
  if (!writer.ended.ok()) return writer.ended;
  Release(writer);
  writer.ended = absl::FailedPreconditionError("this write has ended");
  return writer.size_bytes;
}

void UploadFiles::Cut(const Incarnation& incarnation, const absl::Status& reason) {
  std::shared_ptr<UploadWriter> writer;
  {
    std::lock_guard lock(mutex_);
    const auto it = writers_.find(incarnation.ToString());
    if (it != writers_.end()) writer = it->second.owners.lock();
  }
  if (writer == nullptr) return;
  Release(*writer);
  writer->ended = reason;
  writer->on_cut(reason);
}

void UploadFiles::Release(UploadWriter& writer) {
  writer.fd.Close();
  if (writer.hash.has_value()) {
    hash_states_.Put(writer.incarnation, *std::exchange(writer.hash, std::nullopt));
  }
  std::lock_guard lock(mutex_);
  const auto it = writers_.find(writer.incarnation.ToString());
  if (it != writers_.end() && it->second.writer == &writer) writers_.erase(it);
}

absl::StatusOr<int64_t> UploadFiles::Finish(const Incarnation& incarnation,
                                            const oci::Digest& digest,
                                            const std::function<bool()>& cancelled) {
  absl::Status status = folder_.CheckWritable();
  if (!status.ok()) return status;
  Cut(incarnation, absl::AbortedError("a newer request closes this upload"));

  const std::string path = incarnation.UploadPath();
  const UniqueFd fd = OpenAt(folder_.root_fd(), path.c_str(), O_RDONLY);
  if (!fd.ok()) {
    if (errno == ENOENT) return FinishAgain(incarnation, digest);
    return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  }
  absl::StatusOr<int64_t> size = FileSize(fd.get(), path);
  if (!size.ok()) return size.status();
  std::optional<HashState> hash = hash_states_.Take(incarnation);
  if (!hash.has_value() || hash->algorithm != digest.algorithm() || hash->size_bytes != *size) {
    absl::StatusOr<HashState> again =
        HashFile(fd.get(), *size, path, digest.algorithm(), cancelled);
    if (!again.ok()) return again.status();
    hash.emplace(*std::move(again));
  }
  if (const oci::Digest actual = hash->Finish(); actual != digest) {
    hash_states_.Put(incarnation, *std::move(hash));
    return oci::MakeError(oci::ErrorCode::kDigestInvalid,
                          absl::StrCat("the ", *size, " uploaded bytes have the digest ",
                                       actual.ToString(), ", not ", digest.ToString()));
  }
  status = MoveToFinished(incarnation, digest, fd.get());
  if (!status.ok()) return status;
  return *size;
}

absl::StatusOr<int64_t> UploadFiles::FinishAgain(const Incarnation& incarnation,
                                                 const oci::Digest& digest) {
  absl::StatusOr<BlobFile> blob = blobs_.Find(incarnation, digest);
  if (blob.ok()) {
    if (blob->digest() != digest) {
      return oci::MakeError(oci::ErrorCode::kDigestInvalid,
                            absl::StrCat("the upload was finished as ", blob->digest().ToString(),
                                         ", not as ", digest.ToString()));
    }
    // The process that renamed the file may have died before flushing the folders.
    absl::Status status = FlushFolders(incarnation);
    if (!status.ok()) return status;
    return blob->size_bytes();
  }
  if (!absl::IsNotFound(blob.status())) return blob.status();

  const oci::Digest empty = HashState(digest.algorithm()).Finish();
  if (empty != digest) {
    return oci::MakeError(oci::ErrorCode::kDigestInvalid,
                          absl::StrCat("no bytes were uploaded, and zero bytes have the digest ",
                                       empty.ToString(), ", not ", digest.ToString()));
  }
  const std::string path = incarnation.UploadPath();
  const UniqueFd fd = OpenAt(folder_.root_fd(), path.c_str(), O_RDWR | O_CREAT | O_EXCL);
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot create ", path));
  absl::Status status = MoveToFinished(incarnation, digest, fd.get());
  if (!status.ok()) return status;
  return 0;
}

absl::Status UploadFiles::MoveToFinished(const Incarnation& incarnation, const oci::Digest& digest,
                                         int fd) {
  const std::string from = incarnation.UploadPath();
  // The descriptor is newer than the writes. The kernel still reports a write-back that failed
  // before it was opened, unless it has already reported it elsewhere.
  absl::Status status = folder_.FlushFile(fd, from);
  if (!status.ok()) {
    // The file's content may be lost after the next boot, so a later Finish must not see the file.
    if (::unlinkat(folder_.root_fd(), from.c_str(), 0) != 0) {
      base::LogWarning("cannot delete an upload whose flush failed", {{"path", from}});
    }
    return status;
  }
  // Cannot replace other bytes, because the name contains their digest.
  const std::string to = incarnation.FinishedPath(digest);
  if (::renameat(folder_.root_fd(), from.c_str(), folder_.root_fd(), to.c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot rename ", from, " to ", to));
  }
  return FlushFolders(incarnation);
}

absl::Status UploadFiles::FlushFolders(const Incarnation& incarnation) {
  absl::Status status = folder_.FlushFolder(incarnation.FinishedFolder());
  if (status.ok()) status = folder_.FlushFolder(kUploadsFolder);
  // The kernel reports a failure once: another upload's flush may have received ours.
  if (status.ok()) status = folder_.CheckWritable();
  return status;
}

absl::StatusOr<StoredSize> UploadFiles::Stat(const Incarnation& incarnation,
                                             const std::optional<oci::Digest>& hint) const {
  const std::string path = incarnation.UploadPath();
  struct stat info;
  if (::fstatat(folder_.root_fd(), path.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    return StoredSize{info.st_size, false};
  }
  if (errno != ENOENT) return ErrnoStatus(errno, absl::StrCat("cannot stat ", path));
  absl::StatusOr<BlobFile> blob = blobs_.Find(incarnation, hint);
  if (!blob.ok()) return blob.status();
  return StoredSize{blob->size_bytes(), true};
}

absl::Status UploadFiles::Delete(const Incarnation& incarnation,
                                 const std::optional<oci::Digest>& hint) {
  Cut(incarnation, absl::AbortedError("the upload was deleted"));
  if (absl::Status status = DeleteUnfinished(incarnation); !status.ok()) return status;
  return blobs_.Delete(incarnation, hint);
}

absl::Status UploadFiles::DeleteUnfinished(const Incarnation& incarnation) {
  hash_states_.Take(incarnation);
  const std::string path = incarnation.UploadPath();
  if (::unlinkat(folder_.root_fd(), path.c_str(), 0) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, absl::StrCat("cannot delete ", path));
  }
  return absl::OkStatus();
}

}  // namespace registry::dataplane
