#include "controlplane/control_plane.h"

#include <re2/re2.h>

#include <mutex>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/worker_pool.h"
#include "controlplane/access/grpc_service.h"
#include "controlplane/access/service.h"
#include "controlplane/access/signing_key.h"
#include "controlplane/admin/grpc_service.h"
#include "controlplane/admin/service.h"
#include "controlplane/clock.h"
#include "controlplane/metadata/grpc_service.h"
#include "controlplane/metadata/page_cursor.h"
#include "controlplane/metadata/service.h"
#include "controlplane/metadata/touches.h"
#include "controlplane/policy/error.h"
#include "controlplane/policy/store.h"
#include "controlplane/sql/database.h"
#include "controlplane/sql/postgres/engine.h"
#include "controlplane/sql/sqlite/engine.h"
#include "controlplane/upkeep/upkeep.h"

namespace registry::controlplane {
namespace {

// Records the nodes, and warns the operator if a node that may hold blobs is missing, perhaps
// because of a mixed-up data folder.
absl::Status RegisterNodes(Database& database, const std::vector<std::string>& connected) {
  for (const std::string& id : connected) {
    if (!base::IsUuid(id)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the storage node's id ", base::Quote(id), " is not a UUID"));
    }
  }
  std::set<std::string> away;
  absl::Status status =
      RunTransaction(database, TransactionMode::kWrite, [&](Transaction& t) -> absl::Status {
        for (const std::string& id : connected) {
          t.Execute(
              "INSERT INTO nodes (id, added_at_ms) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
              {id, database.NowMs()});
        }
        away.clear();
        t.Query("SELECT id FROM nodes", {}, [&](const Row& row) { away.emplace(row.Text(0)); });
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  for (const std::string& id : connected) away.erase(id);
  for (const std::string& id : away) {
    base::LogWarning(
        "a storage node of this database is not connected: its blobs cannot be "
        "read until it is",
        {{"node", id}, {"database", database.name()}});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Engine>> MakeEngine(const ControlPlaneOptions& options) {
  if (!IsPostgresUrl(options.database)) {
    return std::make_unique<SqliteEngine>(
        SqliteOptions{.path = options.database, .readers = options.sql_threads});
  }
  return PostgresEngine::Create({.url = options.database, .connections = options.sql_threads});
}

}  // namespace

// In construction order: later members use earlier ones and are destroyed first. So the pool runs
// its last jobs while everything they use still exists.
struct ControlPlane::Parts {
  explicit Parts(const ControlPlaneOptions& options) : nodes(options.storage_nodes) {}
  // The last touches go through the pool, and upkeep writes touches.
  ~Parts() {
    if (upkeep) upkeep->Stop();
    if (touches) touches->Stop();
  }

  NodeRegistry nodes;
  std::unique_ptr<re2::RE2> sparse_repositories;
  std::unique_ptr<Database> database;
  std::unique_ptr<Upkeep> upkeep;
  std::unique_ptr<PolicyStore> policy;
  std::function<absl::StatusOr<ConfiguredPolicy>()> load_policy;
  std::mutex reload_mutex;
  std::unique_ptr<PageCursor> cursor;
  std::unique_ptr<AccessService> access;
  std::unique_ptr<GrpcAccessService> grpc_access;
  std::unique_ptr<Touches> touches;
  std::unique_ptr<MetadataService> metadata;
  std::unique_ptr<GrpcMetadataService> grpc_metadata;
  std::unique_ptr<AdminService> admin;
  std::unique_ptr<GrpcAdminService> grpc_admin;
  std::unique_ptr<base::WorkerPool> readers;
  std::unique_ptr<base::WorkerPool> writers;

  absl::StatusOr<AdminServiceOptions::Reloaded> Reload(const Actor& actor);
};

absl::StatusOr<AdminServiceOptions::Reloaded> ControlPlane::Parts::Reload(const Actor& actor) {
  // Serialized, otherwise a policy that was read first might be applied last.
  std::lock_guard lock(reload_mutex);
  absl::StatusOr<ConfiguredPolicy> configured = load_policy();
  absl::Status status = configured.status();
  if (IsNothingToReload(status)) {
    base::LogWarning(status.message());
    return status;
  }
  AdminServiceOptions::Reloaded reloaded;
  if (status.ok()) {
    const absl::StatusOr<PolicyStore::Replaced> replaced =
        policy->ReplaceConfigured({.actor = actor, .method = "ReloadFiles", .resource = ""},
                                  std::move(configured->objects), configured->passwords);
    status = replaced.status();
    if (status.ok()) {
      reloaded.revision = replaced->snapshot.revision;
      reloaded.warnings = std::move(configured->warnings);
      reloaded.warnings.insert(reloaded.warnings.end(), replaced->warnings.begin(),
                               replaced->warnings.end());
    }
  }
  if (!status.ok()) {
    base::LogError("cannot reload the policy: it stays unchanged",
                   {{"principal", actor.principal}, {"error", status.message()}});
    return absl::IsInvalidArgument(status) ? InvalidFiles(status.message()) : status;
  }
  for (const std::string& warning : reloaded.warnings) base::LogWarning(warning);
  base::LogInfo("the policy was reloaded",
                {{"principal", actor.principal}, {"revision", reloaded.revision}});
  return reloaded;
}

absl::StatusOr<std::unique_ptr<ControlPlane>> ControlPlane::Open(ControlPlaneOptions options) {
  auto parts = std::make_unique<Parts>(options);
  absl::StatusOr<std::unique_ptr<Engine>> engine = MakeEngine(options);
  if (!engine.ok()) return engine.status();
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(*std::move(engine));
  if (!database.ok()) return database.status();
  parts->database = *std::move(database);
  if (absl::Status status = RegisterNodes(*parts->database, parts->nodes.ids()); !status.ok()) {
    return status;
  }
  if (!options.sparse_repositories.empty()) {
    parts->sparse_repositories =
        std::make_unique<re2::RE2>(options.sparse_repositories, re2::RE2::Quiet);
    if (!parts->sparse_repositories->ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the regular expression ", base::Quote(options.sparse_repositories),
                       " for repositories with sparse manifests is malformed: ",
                       parts->sparse_repositories->error()));
    }
  }
  parts->readers = std::make_unique<base::WorkerPool>(
      options.sql_threads, options.max_queued_requests, base::kSqlQueueBytes);
  parts->writers = std::make_unique<base::WorkerPool>(
      parts->database->write_threads(), options.max_queued_requests, base::kSqlQueueBytes);
  absl::StatusOr<std::unique_ptr<PolicyStore>> policy = PolicyStore::Open(
      *parts->database, std::move(options.policy.objects), options.policy.passwords);
  if (!policy.ok()) return policy.status();
  parts->policy = *std::move(policy);
  parts->load_policy = std::move(options.load_policy);
  absl::StatusOr<std::string> signing_key = options.token_secret.empty()
                                                ? TokenSigningKey(*parts->database)
                                                : DeriveSigningKey(options.token_secret);
  if (!signing_key.ok()) return signing_key.status();
  parts->cursor = std::make_unique<PageCursor>(*signing_key);
  AccessServiceOptions access_options;
  access_options.policy = parts->policy->holder();
  access_options.tokens.signing_key = *std::move(signing_key);
  access_options.tokens.lifetime = options.token_lifetime;
  access_options.database = parts->database.get();
  access_options.pool = parts->writers.get();
  absl::StatusOr<std::unique_ptr<AccessService>> access =
      AccessService::Create(std::move(access_options));
  if (!access.ok()) return access.status();
  parts->access = *std::move(access);
  parts->grpc_access = std::make_unique<GrpcAccessService>(*parts->access);
  const Clock now_ms = [database = parts->database.get()] { return database->NowMs(); };
  parts->touches = std::make_unique<Touches>(TouchesOptions{
      .database = parts->database.get(), .writers = parts->writers.get(), .now_ms = now_ms});
  parts->upkeep = std::make_unique<Upkeep>(UpkeepOptions{.database = parts->database.get(),
                                                         .nodes = &parts->nodes,
                                                         .touches = parts->touches.get(),
                                                         .now_ms = now_ms});
  Upkeep* upkeep = parts->upkeep.get();
  parts->metadata = std::make_unique<MetadataService>(MetadataServiceOptions{
      .database = parts->database.get(),
      .nodes = &parts->nodes,
      .readers = parts->readers.get(),
      .writers = parts->writers.get(),
      .touches = parts->touches.get(),
      .policy = parts->policy->holder().get(),
      .cursor = parts->cursor.get(),
      .sparse_repositories = parts->sparse_repositories.get(),
      .upload_limits = options.upload_limits,
      .on_trash = [upkeep] { upkeep->Wake(); },
      .on_no_room = [upkeep](const std::string& principal) { upkeep->MakeRoom(principal); },
      .now_ms = now_ms});
  parts->grpc_metadata = std::make_unique<GrpcMetadataService>(*parts->metadata);
  parts->admin = std::make_unique<AdminService>(AdminServiceOptions{
      .database = parts->database.get(),
      .store = parts->policy.get(),
      .reload = [parts = parts.get()](const Actor& actor) { return parts->Reload(actor); }});
  parts->grpc_admin = std::make_unique<GrpcAdminService>(*parts->admin);
  parts->upkeep->Start();
  return std::unique_ptr<ControlPlane>(new ControlPlane(std::move(parts)));
}

ControlPlane::ControlPlane(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

ControlPlane::~ControlPlane() = default;

std::vector<grpc::Service*> ControlPlane::services() {
  return {parts_->grpc_access.get(), parts_->grpc_metadata.get()};
}

grpc::Service* ControlPlane::admin_service() { return parts_->grpc_admin.get(); }

absl::Status ControlPlane::ReloadPolicy() { return parts_->Reload(ThisProcess()).status(); }

absl::Status ControlPlane::UseTokenSecret(const std::string& secret) {
  const std::string key = DeriveSigningKey(secret);
  if (absl::Status status = parts_->access->UseSigningKey(key); !status.ok()) return status;
  parts_->cursor->UseSecret(key);
  // Gateways keep answers until the policy has another revision.
  return parts_->policy
      ->Change({.actor = ThisProcess(),
                .method = "RenewTokenSecret",
                .resource = "",
                .detail = "tokens signed with the old secret have ended"},
               [](PolicyObjects&) { return absl::OkStatus(); })
      .status();
}

void ControlPlane::ReportHealth(grpc::HealthCheckServiceInterface* health) {
  parts_->database->OnFailure([health] { health->SetServingStatus(false); });
}

void ControlPlane::Shutdown() {
  parts_->database->OnFailure({});
  parts_->access->CloseWatches();
  parts_->upkeep->Stop();
}

}  // namespace registry::controlplane
