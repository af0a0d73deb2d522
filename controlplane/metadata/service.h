// The methods of MetadataService (metadata.proto), for every binding (base/call.h): they validate
// requests, run the logic (repositories.h, blobs.h, uploads.h, manifests.h) on a pool, and fill in
// the response.
//
// Thread-safe. The objects in the options must outlive the calls.
#ifndef REGISTRY_CONTROLPLANE_METADATA_SERVICE_H_
#define REGISTRY_CONTROLPLANE_METADATA_SERVICE_H_

#include <re2/re2.h>

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "base/call.h"
#include "base/limits.h"
#include "base/worker_pool.h"
#include "controlplane/clock.h"
#include "controlplane/metadata/blob_checker.h"
#include "controlplane/metadata/page_cursor.h"
#include "controlplane/metadata/touches.h"
#include "controlplane/metadata/upload_room.h"
#include "controlplane/policy/holder.h"
#include "controlplane/sql/database.h"
#include "controlplane/storage/node_client.h"
#include "controlplane/storage/placement.h"
#include "registry/v1/metadata.pb.h"

namespace registry::controlplane {

struct MetadataServiceOptions {
  Database* database;
  const NodeRegistry* nodes;
  // Run SQL. Writes have separate threads, so that a slow disk does not delay reads.
  base::WorkerPool* readers;
  base::WorkerPool* writers;
  // Writes touches for readers.
  Touches* touches;
  // Filters lists.
  const PolicyHolder* policy;
  // Seals their page cursors.
  const PageCursor* cursor;
  // Repositories whose manifests may reference missing content (PartialMatch); null: none.
  const re2::RE2* sparse_repositories = nullptr;
  // Blobs that may become suspect within base::kSuspectWindow.
  size_t max_suspects = base::kMaxSuspects;
  UploadLimits upload_limits;
  // Called when a session was cancelled, so that its bytes need not wait for the next upkeep; and
  // when there was no space for the upload of a principal (empty: an anonymous client). Must not
  // block; may be empty.
  std::function<void()> on_trash;
  std::function<void(const std::string& principal)> on_no_room;
  Clock now_ms = SystemNowMs;
};

class MetadataService final {
 public:
  explicit MetadataService(MetadataServiceOptions options)
      : options_(std::move(options)),
        placement_(*options_.nodes),
        checker_({.database = options_.database,
                  .nodes = options_.nodes,
                  .writers = options_.writers,
                  .max_suspects = options_.max_suspects,
                  .now_ms = options_.now_ms}) {}

  void BeginUpload(const v1::BeginUploadRequest* request, v1::Upload* response,
                   const base::CallInfo* call, base::Done done);
  void GetUpload(const v1::GetUploadRequest* request, v1::Upload* response,
                 const base::CallInfo* call, base::Done done);
  void ExtendUpload(const v1::ExtendUploadRequest* request, v1::ExtendUploadResponse* response,
                    const base::CallInfo* call, base::Done done);
  void CommitUpload(const v1::CommitUploadRequest* request, v1::CommitUploadResponse* response,
                    const base::CallInfo* call, base::Done done);
  void CancelUpload(const v1::CancelUploadRequest* request, v1::CancelUploadResponse* response,
                    const base::CallInfo* call, base::Done done);
  void MountBlob(const v1::MountBlobRequest* request, v1::MountBlobResponse* response,
                 const base::CallInfo* call, base::Done done);
  void GetBlob(const v1::GetBlobRequest* request, v1::Blob* response, const base::CallInfo* call,
               base::Done done);
  void DeleteBlob(const v1::DeleteBlobRequest* request, v1::DeleteBlobResponse* response,
                  const base::CallInfo* call, base::Done done);
  void PutManifest(const v1::PutManifestRequest* request, v1::PutManifestResponse* response,
                   const base::CallInfo* call, base::Done done);
  void GetManifest(const v1::GetManifestRequest* request, v1::Manifest* response,
                   const base::CallInfo* call, base::Done done);
  void DeleteManifest(const v1::DeleteManifestRequest* request,
                      v1::DeleteManifestResponse* response, const base::CallInfo* call,
                      base::Done done);
  void ListTags(const v1::ListTagsRequest* request, v1::ListTagsResponse* response,
                const base::CallInfo* call, base::Done done);
  void FindMountSources(const v1::FindMountSourcesRequest* request,
                        v1::FindMountSourcesResponse* response, const base::CallInfo* call,
                        base::Done done);
  void ListRepositories(const v1::ListRepositoriesRequest* request,
                        v1::ListRepositoriesResponse* response, const base::CallInfo* call,
                        base::Done done);
  void ListReferrers(const v1::ListReferrersRequest* request, v1::ListReferrersResponse* response,
                     const base::CallInfo* call, base::Done done);

 private:
  bool MayBeSparse(const oci::RepositoryName& repository) const;
  // ExtendUpload where uploads are not limited.
  void LookUpAgain(const v1::ExtendUploadRequest* request, const base::CallInfo* call,
                   base::Done done);
  // Asks upkeep to make room if `status` says that the database has no space. Returns `status`.
  absl::Status NoteRoom(absl::Status status, const std::string& principal) const;

  const MetadataServiceOptions options_;
  Placement placement_;
  BlobChecker checker_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_METADATA_SERVICE_H_
