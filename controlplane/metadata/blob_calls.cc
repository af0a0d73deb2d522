// The calls of MetadataService that ask a storage node: CommitUpload, GetBlob, MountBlob. They hold
// no thread while they wait for it.
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "base/call.h"
#include "controlplane/metadata/blob_checker.h"
#include "controlplane/metadata/blobs.h"
#include "controlplane/metadata/parsed_names.h"
#include "controlplane/metadata/service.h"
#include "controlplane/metadata/touches.h"
#include "controlplane/metadata/uploads.h"
#include "oci/error.h"

namespace registry::controlplane {
namespace {

// A call that may have to ask a storage node.
struct AskedCall {
  const MetadataServiceOptions& options;
  BlobChecker& checker;
  const base::CallInfo* info;
  base::Done done;
};

// Looks up a blob and, if its bytes must exist, checks them. One step runs at a time, on a worker
// or a gRPC thread; the last step calls End, which deletes the object.
class BlobCall {
 public:
  BlobCall(AskedCall call, const Parsed& names) : call_(std::move(call)), names_(names) {}
  BlobCall(const BlobCall&) = delete;
  BlobCall& operator=(const BlobCall&) = delete;

  void Start() {
    if (!names_.status().ok()) return End(names_.status());
    OnReaders([this] { Begin(); });
  }

 protected:
  // End deletes it.
  virtual ~BlobCall() = default;

  const MetadataServiceOptions& options() const { return call_.options; }
  const oci::RepositoryName& repository() const { return names_.repository(); }
  const oci::Digest& digest() const { return names_.digest(); }
  const base::Cancellation& cancellation() const { return call_.info->cancellation; }

  // The first step, on a reader.
  virtual void Begin() { FindBlob(repository()); }

  // Reads the blob as it is linked to `from`, and goes on with one of the steps below. Call it on a
  // reader.
  void FindBlob(const oci::RepositoryName& from) {
    const absl::StatusOr<Blob> blob = GetBlob(*options().database, from, digest());
    if (!blob.ok()) return OnUnknown(blob.status());
    if (!MustCheck(*blob)) return OnIntact(*blob);
    if (++rounds_ > kMaxRounds) {
      return OnUnchecked(absl::UnavailableError(
          absl::StrCat("other uploads keep replacing blob ", digest().ToString(), "; try again")));
    }
    call_.checker.Check(
        digest(), *blob,
        [this, from, blob = *blob](const absl::StatusOr<BlobChecker::Finding>& finding) {
          if (!finding.ok()) return OnUnchecked(finding.status());
          switch (*finding) {
            case BlobChecker::Finding::kIntact:
              return OnIntact(blob);
            case BlobChecker::Finding::kDamaged:
              return OnDamaged();
            case BlobChecker::Finding::kChanged:
              return OnReaders([this, from] { FindBlob(from); });
          }
        });
  }

  virtual bool MustCheck(const Blob& /*blob*/) const { return true; }
  // The repository has no such blob, or the database failed.
  virtual void OnUnknown(const absl::Status& status) = 0;
  virtual void OnIntact(const Blob& blob) = 0;
  virtual void OnDamaged() = 0;
  // The node cannot tell now if the bytes exist.
  virtual void OnUnchecked(const absl::Status& status) { End(status); }

  void OnReaders(std::function<void()> step) {
    OnPool(*options().readers, [this, step = std::move(step)] {
      if (call_.info->IsAbandoned()) return End(base::AbandonedError());
      step();
    });
  }
  void OnWriters(std::function<void()> step) { OnPool(*options().writers, std::move(step)); }

  // The last step: *this is gone when it returns, and what `status` was copied from, perhaps.
  void End(absl::Status status) {
    const base::Done done = std::move(call_.done);
    delete this;
    done(status);
  }

 private:
  // Each further round means that another upload replaced the blob meanwhile.
  static constexpr int kMaxRounds = 5;

  void OnPool(base::WorkerPool& pool, std::function<void()> step) {
    if (!pool.Submit(std::move(step))) End(base::FullQueueError());
  }

  AskedCall call_;
  const Parsed names_;
  int rounds_ = 0;
};

class GetBlobCall final : public BlobCall {
 public:
  GetBlobCall(AskedCall call, const v1::GetBlobRequest* request, v1::Blob* response)
      : BlobCall(std::move(call), Parsed(request->repository()).WithDigest(request->digest())),
        request_(request),
        response_(response) {}

 private:
  // A plain read notices missing bytes itself.
  bool MustCheck(const Blob& blob) const override {
    return request_->touch() || blob.suspect ||
           blob.incarnation == request_->unreadable_incarnation();
  }

  void OnUnknown(const absl::Status& status) override { End(status); }

  void OnDamaged() override {
    if (request_->touch()) return End(BlobUnknown(repository(), digest()));
    End(absl::DataLossError(absl::StrCat("the stored bytes of blob ", digest().ToString(),
                                         " are damaged: push it again to replace them")));
  }

  void OnIntact(const Blob& blob) override {
    response_->set_digest(digest().ToString());
    response_->set_size_bytes(blob.size_bytes);
    response_->set_incarnation(blob.incarnation);
    response_->mutable_nodes()->Add(blob.nodes.begin(), blob.nodes.end());
    if (!request_->touch()) return End(absl::OkStatus());
    options().touches->Record(Touch::Blob(digest()), blob.touched_at_ms, Lateness::kByAge,
                              [this](const absl::Status& status) { End(status); });
  }

  const v1::GetBlobRequest* const request_;
  v1::Blob* const response_;
};

// If anything prevents the mount, the client uploads the blob.
class MountBlobCall final : public BlobCall {
 public:
  MountBlobCall(AskedCall call, const v1::MountBlobRequest* request,
                v1::MountBlobResponse* response)
      : BlobCall(std::move(call), Parsed(request->repository()).WithDigest(request->digest())),
        source_(oci::RepositoryName::Parse(request->from_repository())),
        response_(response) {}

 private:
  void Begin() override {
    if (!source_.ok()) return End(source_.status());
    FindBlob(*source_);
  }

  void OnUnknown(const absl::Status& status) override {
    End(oci::CodeOf(status) == oci::ErrorCode::kBlobUnknown ? absl::OkStatus() : status);
  }
  void OnDamaged() override { End(absl::OkStatus()); }
  void OnUnchecked(const absl::Status& /*status*/) override { End(absl::OkStatus()); }

  void OnIntact(const Blob& /*blob*/) override {
    OnWriters([this] {
      const absl::StatusOr<bool> mounted = controlplane::MountBlob(
          *options().database, repository(), *source_, digest(), options().now_ms());
      if (mounted.ok()) response_->set_mounted(*mounted);
      End(mounted.status());
    });
  }

  const absl::StatusOr<oci::RepositoryName> source_;
  v1::MountBlobResponse* const response_;
};

// A caller that hangs up ends the verification, and the upload stays as it is. Verified bytes are
// committed even if no caller waits for the answer any more.
class CommitUploadCall final : public BlobCall {
 public:
  CommitUploadCall(AskedCall call, const v1::CommitUploadRequest* request)
      : BlobCall(std::move(call), Parsed(request->repository()).WithDigest(request->digest())),
        upload_id_(request->upload_id()) {}

 private:
  void Begin() override {
    const absl::StatusOr<Upload> upload = GetUpload(*options().database, repository(), upload_id_);
    if (!upload.ok()) return End(upload.status());
    if (upload->committed.has_value()) {
      // The client repeats a request whose response was lost.
      if (upload->committed->digest == digest()) return FindBlob(repository());
      return End(UploadUnknown(repository(), upload_id_));
    }
    const std::string node = upload->nodes.empty() ? std::string() : upload->nodes.front();
    // The node may answer at once, and then *this is gone, and the call's cancellation perhaps too.
    const std::shared_ptr<GiveUp> give_up = give_up_;
    cancellation().OnRequest([give_up] { give_up->Request(); });
    give_up->OnRequest(NodeClient(*options().nodes)
                           .Finish(node, upload_id_, digest(),
                                   [this, node](const absl::StatusOr<int64_t>& size_bytes) {
                                     if (!size_bytes.ok()) return End(size_bytes.status());
                                     OnWriters(
                                         [this, node, size = *size_bytes] { Commit(node, size); });
                                   }));
  }

  void Commit(const std::string& node, int64_t size_bytes) {
    End(CommitUpload(*options().database,
                     {.repository = repository(),
                      .upload_id = upload_id_,
                      .digest = digest(),
                      .size_bytes = size_bytes,
                      .durable_nodes = {node}},
                     options().now_ms()));
  }

  void OnUnknown(const absl::Status& status) override {
    const bool gone = oci::CodeOf(status) == oci::ErrorCode::kBlobUnknown;
    End(gone ? UploadUnknown(repository(), upload_id_) : status);
  }
  void OnIntact(const Blob& /*blob*/) override { End(absl::OkStatus()); }
  void OnDamaged() override { End(UploadUnknown(repository(), upload_id_)); }

  const std::string upload_id_;
  // Ends the verification. The caller's cancellation ends with the call, this one does not.
  using GiveUp = base::Cancellation;
  const std::shared_ptr<GiveUp> give_up_ = std::make_shared<GiveUp>();
};

}  // namespace

void MetadataService::CommitUpload(const v1::CommitUploadRequest* request,
                                   v1::CommitUploadResponse* /*response*/,
                                   const base::CallInfo* call, base::Done done) {
  (new CommitUploadCall({options_, checker_, call, std::move(done)}, request))->Start();
}

void MetadataService::GetBlob(const v1::GetBlobRequest* request, v1::Blob* response,
                              const base::CallInfo* call, base::Done done) {
  (new GetBlobCall({options_, checker_, call, std::move(done)}, request, response))->Start();
}

void MetadataService::MountBlob(const v1::MountBlobRequest* request,
                                v1::MountBlobResponse* response, const base::CallInfo* call,
                                base::Done done) {
  (new MountBlobCall({options_, checker_, call, std::move(done)}, request, response))->Start();
}

}  // namespace registry::controlplane
