// Lists the incarnations in a data folder, page by page.
//
//   IncarnationPage page;
//   do {
//     page = *ListIncarnations(folder, /*finished=*/false, page.next, 1000);
//   } while (!page.next.empty());
//
// A page costs reading one folder and a stat for each of its files. The list may or may not contain
// files that are added or deleted meanwhile; it contains every other file exactly once.
// Thread-safe.
#ifndef REGISTRY_DATAPLANE_INCARNATION_LIST_H_
#define REGISTRY_DATAPLANE_INCARNATION_LIST_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dataplane/data_folder.h"
#include "dataplane/incarnation.h"
#include "oci/digest.h"

namespace registry::dataplane {

struct ListedIncarnation {
  Incarnation incarnation;
  // Set for finished incarnations.
  std::optional<oci::Digest> digest;
  int64_t size_bytes;
  // Time since the file was last written. Never negative.
  int64_t age_ms;
};

struct IncarnationPage {
  std::vector<ListedIncarnation> incarnations;
  // Cursor of the next page; empty on the last page.
  std::string next;
};

// `cursor`: `next` of the previous page, or empty for the first. Skips files with foreign names.
// Errors: INVALID_ARGUMENT for a cursor of another list; those of reading the folder.
absl::StatusOr<IncarnationPage> ListIncarnations(const DataFolder& folder, bool finished,
                                                 absl::string_view cursor, size_t limit);

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_INCARNATION_LIST_H_
