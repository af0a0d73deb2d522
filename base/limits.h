// All limits of the registry that are not configurable, in one place.
//
// Options structs take their defaults from here, so that tests can set smaller ones.
#ifndef REGISTRY_BASE_LIMITS_H_
#define REGISTRY_BASE_LIMITS_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace registry::base {

// HTTP.
inline constexpr size_t kMaxHeaderBytes = 32 * 1024;
inline constexpr std::chrono::seconds kHeaderTimeout{15};
// A connection without a request.
inline constexpr std::chrono::seconds kIdleTimeout{120};
// A body must make progress: at least one byte in this time.
inline constexpr std::chrono::seconds kBodyTimeout{60};
inline constexpr size_t kMaxConnections = 10'000;
inline constexpr std::chrono::seconds kDrainTimeout{30};
// The longest -shutdowndelay and -draintimeout.
inline constexpr std::chrono::hours kMaxShutdownTime{24};
// Memory for the request headers of all connections together. Above it, the slowest are closed
// first.
inline constexpr size_t kHeaderMemoryBytes = 16 * 1024 * 1024;
// Each field costs memory, however short it is.
inline constexpr size_t kMaxHeaderFields = 200;
// Clients must read a response from memory this fast on average, once kBodyTimeout is over.
inline constexpr uint64_t kMinAnswerBytesPerSecond = 8 * 1024;

// Bodies. A stream holds at most two chunks: one being filled, one in flight.
inline constexpr size_t kStreamBufferBytes = 128 * 1024;
inline constexpr size_t kChunkBytes = kStreamBufferBytes / 2;

// Small or dropped bodies are read in parts of this size, so that anonymous clients get no large
// buffers.
inline constexpr size_t kSmallReadBytes = 4 * 1024;

// Documents.
inline constexpr size_t kMaxManifestBytes = 4'194'304;
inline constexpr size_t kMaxJsonDepth = 64;

// Renewed certificates, keys and secrets: how often their files are read again, and the part of
// each in which a change is noticed.
inline constexpr std::chrono::seconds kRenewalInterval{10};
inline constexpr size_t kMaxRenewedFileBytes = 1024 * 1024;

// Configuration and access policy in YAML files.
inline constexpr size_t kMaxPolicyFileBytes = 1024 * 1024;
inline constexpr size_t kMaxPolicyFiles = 10'000;
// All files together, because the registry keeps them in memory and in SQL as one set.
inline constexpr size_t kMaxPolicyBytes = 64 * 1024 * 1024;
// Errors and warnings that are listed; further ones are only counted.
inline constexpr size_t kMaxPolicyFileErrors = 20;
inline constexpr size_t kMaxPolicyFileWarnings = 100;
inline constexpr size_t kMaxYamlDepth = 64;
// Values in one document; each use of an alias counts.
inline constexpr size_t kMaxYamlNodes = 100'000;

// Access policy through the admin API. Each change reads and validates all of it.
inline constexpr size_t kMaxPolicyObjects = 100'000;
// Users with revoked tokens; deleted users are evicted first.
inline constexpr size_t kMaxRevocations = 10'000;
inline constexpr size_t kMaxRoleBindingSubjects = 1'000;
inline constexpr size_t kMaxRoleBindingScopes = 100;
inline constexpr size_t kMaxScopeBytes = 1'000;
// RE2's memory for one scope. It also bounds the time: with RE2's default of 8 MiB, a few bytes
// such as \pL{200} take seconds.
inline constexpr int64_t kMaxScopeMemoryBytes = 256 * 1024;
inline constexpr size_t kMaxGroupMembers = 10'000;
inline constexpr size_t kMaxUserGroups = 1'000;
inline constexpr int kMaxAuditEvents = 100'000;
// Audit details of one change, and of one event of it.
inline constexpr size_t kMaxAuditDetailBytes = 256 * 1024;
inline constexpr size_t kMaxAuditEventBytes = 4 * 1024;
inline constexpr int kDefaultAdminPage = 100;
inline constexpr int kMaxAdminPage = 1'000;
// Maximum size of a page: gRPC clients accept 4 MiB by default.
inline constexpr size_t kMaxAdminPageBytes = 2 * 1024 * 1024;
// Waiting admin calls; a full queue means UNAVAILABLE.
inline constexpr size_t kAdminQueue = 64;

// Concurrent calls on one connection, and the lifetime of a connection without calls.
inline constexpr int kMaxAdminStreams = 100;
inline constexpr std::chrono::minutes kAdminIdleTimeout{5};

// Lists: maximum entries of one response; a larger `n` is capped.
inline constexpr int kMaxTagsPage = 10'000;
inline constexpr int kMaxCatalogPage = 1'000;
// Names examined per catalog or tags request, including names the caller may not see.
inline constexpr int kMaxExaminedNames = 20'000;
inline constexpr int kMaxReferrersPage = 10'000;
// Size of the whole response: clients stop reading at 4 MiB.
inline constexpr size_t kMaxReferrersBytes = 3 * 1024 * 1024;

// Per request.
inline constexpr size_t kMaxTagParameters = 100;
// podman's partial pulls ask for 1,024 ranges, halve them on a refusal, and give up below 64.
inline constexpr size_t kMaxRanges = 1024;
inline constexpr size_t kMaxFormBytes = 32 * 1024;
// Memory for all forms being sent, and the time limit for each.
inline constexpr size_t kFormBudgetBytes = 4 * 1024 * 1024;
inline constexpr std::chrono::seconds kFormTimeout{30};
// Repositories that a mount without `from` tries.
inline constexpr int kMaxMountSources = 20;

// Disk space that blobs leave free (an eighth of a small disk), so that there is always enough to
// delete something.
inline constexpr uint64_t kDiskReserveBytes = 64 * 1024 * 1024;

// Memory for all manifests being pushed. Above it, 503.
inline constexpr size_t kManifestBudgetBytes = 128 * 1024 * 1024;
// Memory for all manifests and lists being read. Above it, 503.
inline constexpr size_t kManifestAnswerBudgetBytes = 128 * 1024 * 1024;
// Responses up to this size do not use the budget, so that errors are sent even if it is exhausted.
inline constexpr size_t kSmallAnswerBytes = 4 * 1024;
// Descriptors in one manifest. Other writers wait while each is looked up and recorded.
inline constexpr size_t kMaxManifestDescriptors = 10'000;

// Gateway: threads that read files whose bytes are not in memory.
inline constexpr size_t kFileThreads = 8;

// Upload sessions.
inline constexpr std::chrono::hours kUploadIdleExpiry{24};
// How long a committed session still answers a repeated PUT.
inline constexpr std::chrono::hours kFinishedUploadExpiry{1};
// If space is needed, unfinished uploads that are idle for this long are ended.
inline constexpr std::chrono::minutes kUploadMakesRoom{10};
// How often a stream reports that its session is not idle. Together with kUploadTouchInterval it
// must stay well below kUploadMakesRoom.
inline constexpr std::chrono::minutes kUploadStreamTouch{2};
// Bytes granted at once to an upload of unknown length, if uploads are limited.
inline constexpr int64_t kUploadGrantBytes = 64 * 1024 * 1024;
// Principals that may wait for space at the same time; with more, upkeep ends idle sessions of all.
inline constexpr size_t kMaxRoomRequests = 100;
// The bytes of a deleted session are deleted again after this time, because a request that found
// the session earlier may have written more.
inline constexpr std::chrono::minutes kUploadDeleteAgain{10};
// How often storage nodes are searched for unfinished files without a row, and the minimum age of
// files to delete.
inline constexpr std::chrono::hours kUploadSweepInterval{1};
inline constexpr std::chrono::hours kUploadSweepAge{1};
// Files that one search names in the log; further ones are counted.
inline constexpr int kMaxLoggedSweeps = 100;
// Stored incarnations in one page of a storage node's list.
inline constexpr size_t kMaxListedIncarnations = 1000;

// Between planes. A manifest and its envelope fit; gRPC's own default is 4 MiB.
inline constexpr int kMaxGrpcMessageBytes = 8 * 1024 * 1024;
inline constexpr std::chrono::seconds kRpcDeadline{30};
// Closing an upload may read it again and flush it.
inline constexpr std::chrono::minutes kFinishDeadline{10};
inline constexpr std::chrono::milliseconds kPolicyHeartbeat{500};
inline constexpr std::chrono::milliseconds kPolicySilence{1500};
// How long a gateway retries if the control plane's policy is older than one that it has seen.
inline constexpr std::chrono::seconds kPolicyLag{2};

// Queues: if full, UNAVAILABLE, and 503 with Retry-After for the client.
inline constexpr size_t kSqlQueue = 1024;
// Memory of the requests in these queues together.
inline constexpr size_t kSqlQueueBytes = 64 * 1024 * 1024;
inline constexpr size_t kFileQueue = 4096;
// Passwords waiting for bcrypt: if full, 429. Each client address has a limited share.
inline constexpr size_t kPasswordQueue = 64;
inline constexpr size_t kPasswordQueueOfClient = kPasswordQueue / 4;

// Access: open WatchPolicy streams, and the size of a bearer token.
inline constexpr size_t kMaxPolicyWatches = 10'000;
inline constexpr size_t kMaxTokenBytes = 16 * 1024;
// Memory for a gateway's calls of AccessService in progress: once for calls with a password, and
// once for others. Each call costs kAccessCallBytes in gRPC. Up to kAccessCallsWaiting more wait
// for room, then 503.
inline constexpr size_t kAccessCallsBytes = 2 * 1024 * 1024;
inline constexpr size_t kAccessCallBytes = 16 * 1024;
inline constexpr size_t kAccessCallsWaiting = 1'000;
// Repositories in an issued token, and the token's size, which proxies must accept.
inline constexpr size_t kMaxTokenScopes = 400;
inline constexpr size_t kMaxIssuedTokenBytes = 8'000;
// Maximum difference between the clocks of issuer and verifier.
inline constexpr std::chrono::seconds kTokenLeeway{60};

// Failed logins of one user from one client address within the window; further ones get 429.
inline constexpr size_t kMaxLoginFailures = 10;
inline constexpr std::chrono::minutes kLoginFailureWindow{1};
// Pairs of user and address whose failures are counted.
inline constexpr size_t kLoginFailureEntries = 10'000;

// Request limits allow bursts of this many seconds' worth, because a pull is a burst.
inline constexpr std::chrono::seconds kRequestBurst{10};
// Addresses and users whose requests are counted; the longest idle are evicted first.
inline constexpr size_t kRequestRateEntries = 10'000;

// Refresh tokens expire after this long without use, and each user has at most this many.
inline constexpr std::chrono::hours kRefreshTokenIdleExpiry{30 * 24};
inline constexpr int kMaxRefreshTokens = 100;

// Caches.
inline constexpr size_t kAccessCacheEntries = 10'000;
inline constexpr size_t kAccessCacheBytes = 4 * 1024 * 1024;
inline constexpr size_t kVerifiedPasswordEntries = 10'000;

// Control plane: SQL.
inline constexpr size_t kSqlThreads = 4;  // for reads
// Threads whose transactions SQLite's only writer commits together, and how many at once.
inline constexpr size_t kSqlWriteThreads = 8;
inline constexpr size_t kSqlGroup = 64;
// PostgreSQL: connections that write, and as many that read; attempts of a transaction; time limits
// of a statement, of a wait for a lock and for a connection.
inline constexpr size_t kPostgresConnections = 4;
inline constexpr int kPostgresAttempts = 50;
inline constexpr std::chrono::seconds kPostgresStatementTime{30};
inline constexpr std::chrono::seconds kPostgresLockTime{5};
inline constexpr std::chrono::seconds kPostgresConnectTime{5};
// A COMMIT whose connection was lost: how long to ask what became of it.
inline constexpr std::chrono::seconds kSqlSettleTime{20};
inline constexpr std::chrono::milliseconds kSqlSettleInterval{200};
// To answer that, PostgreSQL keeps the ids of the commits of the last hour.
inline constexpr std::chrono::minutes kPostgresCommitsKept{60};
// How long an attempt waits for another process's lock, and the number of attempts.
inline constexpr std::chrono::milliseconds kSqlBusyTimeout{2000};
inline constexpr int kSqlAttempts = 5;
// Prepared statements per connection.
inline constexpr size_t kSqlStatements = 128;
// Rows, or names to find, in one statement (controlplane/sql/batch.h).
inline constexpr size_t kSqlBatch = 250;
// Opening does not read larger databases completely.
inline constexpr int64_t kSqlQuickCheckBytes = 64 * 1024 * 1024;

// Control plane: an unreferenced blob or manifest is kept for this long after its last use.
inline constexpr std::chrono::minutes kCollectionGrace{24 * 60};
// Control plane: `touched_at` is updated only if older than this, so that reads rarely write.
inline constexpr std::chrono::minutes kTouchInterval =
    std::min<std::chrono::minutes>(kCollectionGrace / 4, std::chrono::hours(1));
inline constexpr std::chrono::minutes kUploadTouchInterval{5};
// A touch that is written after the response waits this long for others, to batch them.
inline constexpr std::chrono::seconds kTouchFlush{1};
// Touches that may wait to be written, and the number per transaction.
inline constexpr size_t kTouchQueue = 10'000;
inline constexpr size_t kTouchBatch = 500;
// How long a response waits for a touch that must be written first; then 503.
inline constexpr std::chrono::seconds kTouchWait{2};
// Delay before another attempt to write a failed touch.
inline constexpr std::chrono::seconds kTouchRetry{10};
// Missing digests named in an error message; further ones are counted.
inline constexpr size_t kMaxNamedDigests = 20;

// Control plane: upkeep (expired sessions, trash).
inline constexpr std::chrono::minutes kUpkeepInterval{1};
inline constexpr int kUpkeepBatch = 100;
inline constexpr int kUpkeepMaxBatches = 100;
// How long a replaced copy is kept for its current readers.
inline constexpr std::chrono::minutes kTrashHold{5};
// Blobs that may be marked as damaged within kSuspectWindow. More mean that the store itself fails.
inline constexpr size_t kMaxSuspects = 100;
inline constexpr std::chrono::minutes kSuspectWindow{10};
// Delay before another attempt to delete trash.
inline constexpr std::chrono::minutes kTrashRetry{1};
// Deadline for Stat and Delete on a storage node.
inline constexpr std::chrono::seconds kStorageOrderDeadline{5};

}  // namespace registry::base

#endif  // REGISTRY_BASE_LIMITS_H_
