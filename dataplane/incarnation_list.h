// Lists what a data folder stores, page by page.
//
//   IncarnationPage page;
//   do {
//     page = *ListIncarnations(folder, /*finished=*/false, page.next, 1000);
//   } while (!page.next.empty());
//
// A page costs reading one folder and a stat for each of its files. Files that come or go meanwhile
// may be listed or not; every other one is listed exactly once. Thread-safe.
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
  // Of finished ones.
  std::optional<oci::Digest> digest;
  int64_t size_bytes;
  // Since the file was last written to. Never negative.
  int64_t age_ms;
};

struct IncarnationPage {
  std::vector<ListedIncarnation> incarnations;
  // Where the next page begins; empty when this is the last one.
  std::string next;
};

// `cursor`: `next` of the page before, or empty for the first one. Files whose names are not ours
// are left out. Errors: INVALID_ARGUMENT for a cursor of another list, else those of the folder.
absl::StatusOr<IncarnationPage> ListIncarnations(const DataFolder& folder, bool finished,
                                                 absl::string_view cursor, size_t limit);

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_INCARNATION_LIST_H_
