// The methods of StorageService (proto/registry/v1/storage.proto) on the files of a data
// folder, for every binding (base/call.h). They never block; file work runs on the FileExecutor.
//
// Thread-safe. Must outlive its calls, but not the constructor's arguments.
#ifndef REGISTRY_DATAPLANE_STORAGE_SERVICE_H_
#define REGISTRY_DATAPLANE_STORAGE_SERVICE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call.h"
#include "dataplane/blob_files.h"
#include "dataplane/data_folder.h"
#include "dataplane/file_executor.h"
#include "dataplane/incarnation.h"
#include "dataplane/upload_files.h"
#include "registry/v1/storage.pb.h"

namespace registry::dataplane {

class StorageService {
 public:
  StorageService(v1::Node node, const DataFolder& folder, BlobFiles& blobs, UploadFiles& uploads,
                 FileExecutor& executor)
      : node_(std::move(node)),
        folder_(folder),
        blobs_(blobs),
        uploads_(uploads),
        executor_(executor) {}

  void GetNode(const v1::GetNodeRequest* request, v1::Node* response, const base::CallInfo* call,
               base::Done done);
  void Finish(const v1::FinishRequest* request, v1::FinishResponse* response,
              const base::CallInfo* call, base::Done done);
  void Stat(const v1::StatRequest* request, v1::StatResponse* response, const base::CallInfo* call,
            base::Done done);
  void List(const v1::ListRequest* request, v1::ListResponse* response, const base::CallInfo* call,
            base::Done done);
  // Error: INVALID_ARGUMENT.
  absl::StatusOr<std::shared_ptr<base::ResponseStream<v1::ReadResponse>>> Read(
      const v1::ReadRequest* request, const base::CallInfo* call);
  std::shared_ptr<base::RequestStream<v1::WriteRequest>> Write(v1::WriteResponse* response,
                                                               base::Done done);
  void Delete(const v1::DeleteRequest* request, v1::DeleteResponse* response,
              const base::CallInfo* call, base::Done done);

 private:
  using Work = std::function<absl::Status(const Incarnation& incarnation)>;

  // Ends a call with the result of `work`, in the order of the incarnation's requests.
  void Run(const std::string& incarnation, FileExecutor::Length length, const base::CallInfo* call,
           base::Done done, Work work);

  const v1::Node node_;
  const DataFolder& folder_;
  BlobFiles& blobs_;
  UploadFiles& uploads_;
  FileExecutor& executor_;
};

}  // namespace registry::dataplane

#endif  // REGISTRY_DATAPLANE_STORAGE_SERVICE_H_
