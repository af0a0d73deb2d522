#include "controlplane/metadata/service.h"

#include <utility>

#include "base/call.h"
#include "controlplane/metadata/blobs.h"
#include "controlplane/metadata/lists.h"
#include "controlplane/metadata/manifests.h"
#include "controlplane/metadata/parsed_names.h"
#include "controlplane/metadata/referrers.h"
#include "controlplane/metadata/uploads.h"
#include "oci/digest.h"
#include "oci/error.h"
#include "oci/name.h"

namespace registry::controlplane {
namespace {

void FillUpload(const oci::RepositoryName& repository, const Upload& upload, v1::Upload* out) {
  out->set_id(upload.id);
  out->set_repository(repository.ToString());
  const absl::string_view algorithm = oci::DigestAlgorithmName(upload.digest_algorithm);
  out->set_digest_algorithm(algorithm.data(), algorithm.size());
  out->mutable_nodes()->Add(upload.nodes.begin(), upload.nodes.end());
  if (upload.committed.has_value()) {
    out->set_committed_digest(upload.committed->digest.ToString());
    out->set_committed_size_bytes(upload.committed->size_bytes);
  }
}

Precondition ReadPrecondition(const v1::Precondition& message) {
  return {.if_match = {message.if_match().begin(), message.if_match().end()},
          .if_none_match = {message.if_none_match().begin(), message.if_none_match().end()}};
}

const User* FindPrincipal(const Policy& policy, absl::string_view name) {
  return name.empty() ? policy.anonymous() : policy.FindUser(name);
}

// Checks that the policy that filters a list also allows reading it: the policy may have changed
// since the request was authorized, and no response may mix two policies.
absl::Status CheckAllowed(const Policy& policy, const User* user, const Action& action) {
  const Verdict verdict = policy.Decide(user, action);
  if (verdict.allowed) return absl::OkStatus();
  const bool anonymous = user == nullptr || user->name == kAnonymous;
  return oci::MakeError(anonymous ? oci::ErrorCode::kUnauthorized : oci::ErrorCode::kDenied,
                        verdict.reason);
}

}  // namespace

bool MetadataService::MayBeSparse(const oci::RepositoryName& repository) const {
  return options_.sparse_repositories != nullptr &&
         re2::RE2::PartialMatch(repository.ToString(), *options_.sparse_repositories);
}

void MetadataService::BeginUpload(const v1::BeginUploadRequest* request, v1::Upload* response,
                                  const base::CallInfo* call, base::Done done) {
  base::RunCall(*options_.writers, call, std::move(done), [=, this]() -> absl::Status {
    const Parsed parsed(request->repository());
    if (!parsed.status().ok()) return parsed.status();
    const absl::StatusOr<oci::DigestAlgorithm> algorithm =
        request->digest_algorithm().empty()
            ? oci::DigestAlgorithm::kSha256
            : oci::ParseDigestAlgorithm(request->digest_algorithm());
    if (!algorithm.ok()) return algorithm.status();
    const absl::StatusOr<Upload> upload = controlplane::BeginUpload(
        *options_.database, parsed.repository(), *algorithm, request->principal(),
        placement_.ChooseForUpload(), options_.now_ms());
    if (upload.ok()) FillUpload(parsed.repository(), *upload, response);
    return NoteRoom(upload.status(), request->principal());
  });
}

void MetadataService::GetUpload(const v1::GetUploadRequest* request, v1::Upload* response,
                                const base::CallInfo* call, base::Done done) {
  base::RunCallAsync(*options_.readers, call, std::move(done), [=, this](base::Done finish) {
    const Parsed parsed(request->repository());
    if (!parsed.status().ok()) return finish(parsed.status());
    const absl::StatusOr<Upload> upload =
        controlplane::GetUpload(*options_.database, parsed.repository(), request->upload_id());
    if (!upload.ok()) return finish(upload.status());
    FillUpload(parsed.repository(), *upload, response);
    if (!request->touch() || upload->committed.has_value()) return finish(absl::OkStatus());
    options_.touches->Record(Touch::Upload(upload->id), upload->touched_at_ms, Lateness::kByAge,
                             std::move(finish));
  });
}

void MetadataService::FindMountSources(const v1::FindMountSourcesRequest* request,
                                       v1::FindMountSourcesResponse* response,
                                       const base::CallInfo* call, base::Done done) {
  base::RunCall(*options_.readers, call, std::move(done), [=, this]() -> absl::Status {
    const absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(request->digest());
    if (!digest.ok()) return digest.status();
    const absl::StatusOr<std::vector<std::string>> sources =
        controlplane::FindMountSources(*options_.database, *digest, request->limit());
    if (!sources.ok()) return sources.status();
    response->mutable_repositories()->Add(sources->begin(), sources->end());
    return absl::OkStatus();
  });
}

void MetadataService::DeleteBlob(const v1::DeleteBlobRequest* request, v1::DeleteBlobResponse*,
                                 const base::CallInfo* call, base::Done done) {
  base::RunCall(*options_.writers, call, std::move(done), [=, this]() -> absl::Status {
    const Parsed parsed = Parsed(request->repository()).WithDigest(request->digest());
    if (!parsed.status().ok()) return parsed.status();
    return controlplane::DeleteBlob(*options_.database, parsed.repository(), parsed.digest());
  });
}

void MetadataService::PutManifest(const v1::PutManifestRequest* request,
                                  v1::PutManifestResponse* response, const base::CallInfo* call,
                                  base::Done done) {
  const size_t bytes = request->content().size();
  const auto work = [=, this](base::Done finish) {
    const Parsed parsed = Parsed(request->repository()).WithReference(request->reference());
    if (!parsed.status().ok()) return finish(parsed.status());
    ManifestPush push = {.repository = parsed.repository(),
                         .reference = parsed.reference(),
                         .media_type = request->media_type(),
                         .content = request->content(),
                         .principal = request->principal(),
                         .precondition = ReadPrecondition(request->precondition()),
                         .sparse = MayBeSparse(parsed.repository())};
    for (const std::string& text : request->tags()) {
      absl::StatusOr<oci::Tag> tag = oci::Tag::Parse(text);
      if (!tag.ok()) return finish(tag.status());
      push.tags.push_back(*std::move(tag));
    }
    absl::StatusOr<CheckedPush> checked = CheckPush(push);
    if (!checked.ok()) return finish(checked.status());
    // Shared, because jobs are copyable.
    auto manifest = std::make_shared<CheckedPush>(*std::move(checked));
    const auto write = [=, this]() -> absl::Status {
      const absl::StatusOr<PushedManifest> pushed =
          controlplane::PutManifest(*options_.database, push, *manifest, options_.now_ms());
      if (!pushed.ok()) return NoteRoom(pushed.status(), request->principal());
      response->set_digest(pushed->digest.ToString());
      if (pushed->subject.has_value()) response->set_subject(pushed->subject->ToString());
      return absl::OkStatus();
    };
    base::RunCall(*options_.writers, call, std::move(finish), write, bytes);
  };
  base::RunCallAsync(*options_.readers, call, std::move(done), work, bytes);
}

void MetadataService::GetManifest(const v1::GetManifestRequest* request, v1::Manifest* response,
                                  const base::CallInfo* call, base::Done done) {
  base::RunCallAsync(*options_.readers, call, std::move(done), [=, this](base::Done finish) {
    const Parsed parsed = Parsed(request->repository()).WithReference(request->reference());
    if (!parsed.status().ok()) return finish(parsed.status());
    const ManifestUse use = request->head() ? ManifestUse::kHead : ManifestUse::kGet;
    absl::StatusOr<StoredManifest> manifest =
        controlplane::GetManifest(*options_.database, parsed.repository(), parsed.reference(), use);
    if (!manifest.ok()) return finish(manifest.status());
    response->set_digest(manifest->digest.ToString());
    response->set_media_type(manifest->media_type);
    response->set_size_bytes(manifest->size_bytes);
    response->set_content(std::move(manifest->content));
    if (use == ManifestUse::kGet) return finish(absl::OkStatus());
    options_.touches->Record(
        Touch::Manifest(manifest->repository_id, manifest->digest), manifest->touched_at_ms,
        manifest->tagged ? Lateness::kAlways : Lateness::kByAge, std::move(finish));
  });
}

void MetadataService::DeleteManifest(const v1::DeleteManifestRequest* request,
                                     v1::DeleteManifestResponse*, const base::CallInfo* call,
                                     base::Done done) {
  base::RunCall(*options_.writers, call, std::move(done), [=, this]() -> absl::Status {
    const Parsed parsed = Parsed(request->repository()).WithReference(request->reference());
    if (!parsed.status().ok()) return parsed.status();
    return controlplane::DeleteManifest(*options_.database, parsed.repository(), parsed.reference(),
                                        ReadPrecondition(request->precondition()),
                                        request->principal(), options_.now_ms());
  });
}

void MetadataService::ListTags(const v1::ListTagsRequest* request, v1::ListTagsResponse* response,
                               const base::CallInfo* call, base::Done done) {
  base::RunCall(*options_.readers, call, std::move(done), [=, this]() -> absl::Status {
    const Parsed parsed(request->repository());
    if (!parsed.status().ok()) return parsed.status();
    const PolicySnapshot snapshot = options_.policy->Current();
    const User* user = FindPrincipal(*snapshot.policy, request->principal());
    Action list{.resource = Resource::kTags, .verb = Verb::kGet, .repository = parsed.repository()};
    if (absl::Status status = CheckAllowed(*snapshot.policy, user, list); !status.ok()) {
      return status;
    }
    const auto sees = [&](const oci::Tag& tag) {
      list.tag = tag;
      return snapshot.policy->Allows(user, list);
    };
    absl::StatusOr<NamesPage> page =
        controlplane::ListTags(*options_.database, *options_.cursor, parsed.repository(),
                               {.last = request->last(), .limit = request->limit()}, sees);
    if (!page.ok()) return page.status();
    response->mutable_tags()->Add(page->names.begin(), page->names.end());
    response->set_next(std::move(page->next));
    return absl::OkStatus();
  });
}

void MetadataService::ListRepositories(const v1::ListRepositoriesRequest* request,
                                       v1::ListRepositoriesResponse* response,
                                       const base::CallInfo* call, base::Done done) {
  base::RunCall(*options_.readers, call, std::move(done), [=, this]() -> absl::Status {
    const PolicySnapshot snapshot = options_.policy->Current();
    const Policy& policy = *snapshot.policy;
    const User* user = FindPrincipal(policy, request->principal());
    const Action list{.resource = Resource::kCatalog, .verb = Verb::kGet};
    if (absl::Status status = CheckAllowed(policy, user, list); !status.ok()) return status;
    const RepositoryFilter filter = {
        .ranges = policy.ReadableNames(user),
        .sees = [&](const oci::RepositoryName& name) { return policy.MayRead(user, name); },
        .may_see_tags =
            [&](const oci::RepositoryName& name) { return policy.MightReadTags(user, name); },
        .sees_tag = [&](const oci::RepositoryName& name,
                        const oci::Tag& tag) { return policy.MayRead(user, name, tag); }};
    absl::StatusOr<NamesPage> page = controlplane::ListRepositories(
        *options_.database, *options_.cursor, {.last = request->last(), .limit = request->limit()},
        filter);
    if (!page.ok()) return page.status();
    response->mutable_repositories()->Add(page->names.begin(), page->names.end());
    response->set_next(std::move(page->next));
    return absl::OkStatus();
  });
}

void MetadataService::ListReferrers(const v1::ListReferrersRequest* request,
                                    v1::ListReferrersResponse* response, const base::CallInfo* call,
                                    base::Done done) {
  base::RunCall(*options_.readers, call, std::move(done), [=, this]() -> absl::Status {
    const Parsed parsed = Parsed(request->repository()).WithDigest(request->subject());
    if (!parsed.status().ok()) return parsed.status();
    absl::StatusOr<ReferrersPage> page =
        controlplane::ListReferrers(*options_.database, {.repository = parsed.repository(),
                                                         .subject = parsed.digest(),
                                                         .artifact_type = request->artifact_type(),
                                                         .last = request->last(),
                                                         .limit = request->limit()});
    if (!page.ok()) return page.status();
    for (Referrer& referrer : page->referrers) {
      v1::Referrer& out = *response->add_referrers();
      out.set_digest(std::move(referrer.digest));
      out.set_media_type(std::move(referrer.media_type));
      out.set_size_bytes(referrer.size_bytes);
      out.set_artifact_type(std::move(referrer.artifact_type));
      out.set_annotations_json(std::move(referrer.annotations));
    }
    response->set_more(page->more);
    return absl::OkStatus();
  });
}

}  // namespace registry::controlplane
