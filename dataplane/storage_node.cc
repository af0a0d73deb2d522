#include "dataplane/storage_node.h"

#include <utility>

#include "base/machine.h"
#include "dataplane/blob_files.h"
#include "dataplane/data_folder.h"
#include "dataplane/file_executor.h"
#include "dataplane/grpc_service.h"
#include "dataplane/storage_service.h"
#include "dataplane/upload_files.h"

namespace registry::dataplane {

// In construction order: later members use earlier ones. The executor finishes its jobs first.
struct StorageNode::Parts {
  Parts(const StorageNodeOptions& options, std::unique_ptr<DataFolder> opened, v1::Node node)
      : folder(std::move(opened)),
        blobs(*folder),
        uploads(*folder, blobs, options.max_hash_states),
        executor({.short_threads = options.file_threads,
                  .long_threads = options.finish_threads,
                  .max_queued = options.max_queued_jobs}),
        service(std::move(node), *folder, blobs, uploads, executor),
        grpc_service(service) {}

  std::unique_ptr<DataFolder> folder;
  BlobFiles blobs;
  UploadFiles uploads;
  FileExecutor executor;
  StorageService service;
  GrpcStorageService grpc_service;
};

absl::StatusOr<std::unique_ptr<StorageNode>> StorageNode::Open(StorageNodeOptions options) {
  DataFolderOptions folder_options;
  folder_options.root = options.root;
  absl::StatusOr<std::unique_ptr<DataFolder>> folder = DataFolder::Open(std::move(folder_options));
  if (!folder.ok()) return folder.status();
  absl::StatusOr<base::FileNamespace> names = base::ReadFileNamespace();
  if (!names.ok()) return names.status();

  v1::Node node;
  node.set_id((*folder)->node_id());
  node.set_root((*folder)->root());
  node.set_boot_id(std::move(names->boot_id));
  node.set_mount_namespace(std::move(names->mount_namespace));
  return std::unique_ptr<StorageNode>(
      new StorageNode(std::make_unique<Parts>(options, *std::move(folder), std::move(node))));
}

StorageNode::StorageNode(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

StorageNode::~StorageNode() = default;

grpc::Service* StorageNode::service() { return &parts_->grpc_service; }

void StorageNode::ReportHealth(grpc::HealthCheckServiceInterface* health) {
  if (health == nullptr) return parts_->folder->OnFailure({});
  parts_->folder->OnFailure([health] { health->SetServingStatus(false); });
}

const std::string& StorageNode::id() const { return parts_->folder->node_id(); }

}  // namespace registry::dataplane
