// An incarnation: a set of stored copies of some bytes, named by the UUIDv7 of the upload session
// that created it. Also defines the paths of its files, a persistent format:
//
//   uploads/<incarnation>                           unfinished
//   blobs/<xx>/<incarnation>~<algorithm>~<hex>      finished
//
// where xx are the last two digits of the incarnation, part of the random end of a UUIDv7.
// docs/adr/0002-stored-files-are-named-by-incarnation.md says why the incarnation comes first.
//
// Values are immutable and always valid, so no other text from clients becomes a path. All paths
// are relative to the data folder. Thread-safe.
#ifndef REGISTRY_DATAPLANE_INCARNATION_H_
#define REGISTRY_DATAPLANE_INCARNATION_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/digest.h"

namespace registry::dataplane {

inline constexpr char kUploadsFolder[] = "uploads";
inline constexpr char kBlobsFolder[] = "blobs";
inline constexpr int kBlobFolders = 256;

// "blobs/00" to "blobs/ff".
std::string BlobFolder(int index);

class Incarnation {
 public:
  // Error: INVALID_ARGUMENT; it names the text.
  static absl::StatusOr<Incarnation> Parse(absl::string_view text);

  const std::string& ToString() const { return text_; }

  std::string UploadPath() const;
  // The folder that holds the finished file.
  std::string FinishedFolder() const;
  std::string FinishedPath(const oci::Digest& digest) const;

  // The digest in the name of a finished file, given without its folder; nullopt if the name is not
  // one of this incarnation.
  std::optional<oci::Digest> ParseFinishedName(absl::string_view name) const;

 private:
  explicit Incarnation(absl::string_view text) : text_(text) {}

  std::string text_;
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_INCARNATION_H_
