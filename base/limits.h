// Every limit of the registry that is not a matter of configuration, in one place.
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
// While a body moves, at least one byte in this time.
inline constexpr std::chrono::seconds kBodyTimeout{60};
inline constexpr size_t kMaxConnections = 10'000;
inline constexpr std::chrono::seconds kDrainTimeout{30};
// The longest -shutdowndelay and -draintimeout.
inline constexpr std::chrono::hours kMaxShutdownTime{24};
// Request headers that all connections hold together. Beyond it, the slowest are cut off first.
inline constexpr size_t kHeaderMemoryBytes = 16 * 1024 * 1024;
// Each field costs memory of its own, however short it is.
inline constexpr size_t kMaxHeaderFields = 200;
// An answer that is sent from memory must be read this fast on average, once kBodyTimeout is over.
inline constexpr uint64_t kMinAnswerBytesPerSecond = 8 * 1024;

// Bodies. A stream holds at most two chunks: one that fills, one on its way.
inline constexpr size_t kStreamBufferBytes = 128 * 1024;
inline constexpr size_t kChunkBytes = kStreamBufferBytes / 2;

// Bodies that are small, or dropped, are read in such parts, so that anonymous clients get no large
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
// All files together: they are kept in memory and in SQL as one set.
inline constexpr size_t kMaxPolicyBytes = 64 * 1024 * 1024;
// Those that are listed; the others are counted.
inline constexpr size_t kMaxPolicyFileErrors = 20;
inline constexpr size_t kMaxPolicyFileWarnings = 100;
inline constexpr size_t kMaxYamlDepth = 64;
// Values in one document, with what its aliases stand for.
inline constexpr size_t kMaxYamlNodes = 100'000;

// Access policy by the admin API. Each change reads and checks all of it.
inline constexpr size_t kMaxPolicyObjects = 100'000;
// Names of users whose tokens were revoked: those of users who are gone make room first.
inline constexpr size_t kMaxRevocations = 10'000;
inline constexpr size_t kMaxRoleBindingSubjects = 1'000;
inline constexpr size_t kMaxRoleBindingScopes = 100;
inline constexpr size_t kMaxScopeBytes = 1'000;
// What RE2 may use for one scope. It bounds the time, too: 8 MiB, its own default, lets a few bytes
// such as \pL{200} take seconds.
inline constexpr int64_t kMaxScopeMemoryBytes = 256 * 1024;
inline constexpr size_t kMaxGroupMembers = 10'000;
inline constexpr size_t kMaxUserGroups = 1'000;
inline constexpr int kMaxAuditEvents = 100'000;
// What is told of one change, and in one event of it.
inline constexpr size_t kMaxAuditDetailBytes = 256 * 1024;
inline constexpr size_t kMaxAuditEventBytes = 4 * 1024;
inline constexpr int kDefaultAdminPage = 100;
inline constexpr int kMaxAdminPage = 1'000;
// Pages end before this: clients of gRPC take 4 MiB.
inline constexpr size_t kMaxAdminPageBytes = 2 * 1024 * 1024;
// Admin calls that wait: full means UNAVAILABLE.
inline constexpr size_t kAdminQueue = 64;

// Calls at the same time on one connection, and how long one is kept without any.
inline constexpr int kMaxAdminStreams = 100;
inline constexpr std::chrono::minutes kAdminIdleTimeout{5};

// Lists: what one answer holds at most; a larger `n` is lowered to it.
inline constexpr int kMaxTagsPage = 10'000;
inline constexpr int kMaxCatalogPage = 1'000;
// What one request for the catalog or for tags looks at: names that the caller may not see count.
inline constexpr int kMaxExaminedNames = 20'000;
inline constexpr int kMaxReferrersPage = 10'000;
// And this, the whole answer: clients stop reading at 4 MiB.
inline constexpr size_t kMaxReferrersBytes = 3 * 1024 * 1024;

// What one request may ask for.
inline constexpr size_t kMaxTagParameters = 100;
// podman's partial pulls ask for 1,024, halve on a refusal, and give up below 64.
inline constexpr size_t kMaxRanges = 1024;
inline constexpr size_t kMaxFormBytes = 32 * 1024;
// Memory for the forms that all clients together are sending, and the time that each may take.
inline constexpr size_t kFormBudgetBytes = 4 * 1024 * 1024;
inline constexpr std::chrono::seconds kFormTimeout{30};
// Repositories that a mount without `from` looks at.
inline constexpr int kMaxMountSources = 20;

// Room on the disk that blobs do not take (or an eighth of a smaller disk), so that there is always
// enough to delete something.
inline constexpr uint64_t kDiskReserveBytes = 64 * 1024 * 1024;

// Memory for the manifests that all clients together are pushing: beyond it, 503.
inline constexpr size_t kManifestBudgetBytes = 128 * 1024 * 1024;
// Memory for the manifests and lists that all clients together are reading: beyond it, 503.
inline constexpr size_t kManifestAnswerBudgetBytes = 128 * 1024 * 1024;
// Answers of at most this size are sent without a share of it: a full budget refuses nobody's
// error.
inline constexpr size_t kSmallAnswerBytes = 4 * 1024;
// Descriptors in one manifest. Each is looked up and recorded while other writers wait.
inline constexpr size_t kMaxManifestDescriptors = 10'000;

// Gateway: threads that read files whose bytes are not in memory.
inline constexpr size_t kFileThreads = 8;

// Upload sessions.
inline constexpr std::chrono::hours kUploadIdleExpiry{24};
// How long a committed session answers the same PUT again.
inline constexpr std::chrono::hours kFinishedUploadExpiry{1};
// When room is needed, unfinished uploads that were idle for this long make it.
inline constexpr std::chrono::minutes kUploadMakesRoom{10};
// A stream tells this often that its session is not idle. With kUploadTouchInterval it must stay
// well below kUploadMakesRoom.
inline constexpr std::chrono::minutes kUploadStreamTouch{2};
// Bytes that an upload of unknown length is granted at once, where uploads are limited.
inline constexpr int64_t kUploadGrantBytes = 64 * 1024 * 1024;
// Principals that wait for room at the same time; beyond it, sessions of all go.
inline constexpr size_t kMaxRoomRequests = 100;
// The bytes of a deleted session are deleted once more after this time, because a request that
// found the session before may have written since.
inline constexpr std::chrono::minutes kUploadDeleteAgain{10};
// How often storage nodes are searched for unfinished files that no row names, and how old such a
// file must be to be deleted.
inline constexpr std::chrono::hours kUploadSweepInterval{1};
inline constexpr std::chrono::hours kUploadSweepAge{1};
// Files that one search names in the log; the others are counted.
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
// How long a gateway asks again while the control plane's policy is older than one it has seen.
inline constexpr std::chrono::seconds kPolicyLag{2};

// Queues: full means UNAVAILABLE, and 503 with Retry-After to the client.
inline constexpr size_t kSqlQueue = 1024;
// Requests that these hold together.
inline constexpr size_t kSqlQueueBytes = 64 * 1024 * 1024;
inline constexpr size_t kFileQueue = 4096;
// Passwords that wait for bcrypt: full means 429. No client address has more than its share of
// them.
inline constexpr size_t kPasswordQueue = 64;
inline constexpr size_t kPasswordQueueOfClient = kPasswordQueue / 4;

// Access: open WatchPolicy streams, and the size of a bearer token.
inline constexpr size_t kMaxPolicyWatches = 10'000;
inline constexpr size_t kMaxTokenBytes = 16 * 1024;
// Memory for a gateway's calls of AccessService under way: this once for those with a password, and
// once for the others. Each call costs kAccessCallBytes in gRPC. Up to kAccessCallsWaiting more
// wait for room, then 503.
inline constexpr size_t kAccessCallsBytes = 2 * 1024 * 1024;
inline constexpr size_t kAccessCallBytes = 16 * 1024;
inline constexpr size_t kAccessCallsWaiting = 1'000;
// Repositories that a token issued here names, and its size, which proxies must accept.
inline constexpr size_t kMaxTokenScopes = 400;
inline constexpr size_t kMaxIssuedTokenBytes = 8'000;
// How far the clocks of issuer and verifier may be apart.
inline constexpr std::chrono::seconds kTokenLeeway{60};

// Failed logins of one user from one client address, in this time: more are refused with 429.
inline constexpr size_t kMaxLoginFailures = 10;
inline constexpr std::chrono::minutes kLoginFailureWindow{1};
// Users and addresses of whom failures are counted.
inline constexpr size_t kLoginFailureEntries = 10'000;

// Limits on requests allow this many seconds' worth at once, since a pull comes as a burst.
inline constexpr std::chrono::seconds kRequestBurst{10};
// Addresses, and users, whose requests are counted: those idle for longest are forgotten first.
inline constexpr size_t kRequestRateEntries = 10'000;

// Refresh tokens that were not used for this long end, and each user has at most so many.
inline constexpr std::chrono::hours kRefreshTokenIdleExpiry{30 * 24};
inline constexpr int kMaxRefreshTokens = 100;

// Caches.
inline constexpr size_t kAccessCacheEntries = 10'000;
inline constexpr size_t kAccessCacheBytes = 4 * 1024 * 1024;
inline constexpr size_t kVerifiedPasswordEntries = 10'000;

// Control plane: SQL.
inline constexpr size_t kSqlThreads = 4;  // that read; one more writes
// How long one attempt waits for another process's lock, and how many attempts there are.
inline constexpr std::chrono::milliseconds kSqlBusyTimeout{2000};
inline constexpr int kSqlAttempts = 5;
// Prepared statements kept by each connection.
inline constexpr size_t kSqlStatements = 128;
// Rows, or names to find, in one statement (controlplane/sql/batch.h).
inline constexpr size_t kSqlBatch = 250;
// Larger databases are not read as a whole when they are opened.
inline constexpr int64_t kSqlQuickCheckBytes = 64 * 1024 * 1024;

// Control plane: a blob or manifest that nothing references is kept for this long after its last
// use.
inline constexpr std::chrono::minutes kCollectionGrace{24 * 60};
// Control plane: `touched_at` is refreshed only when older than this, so that reading rarely
// writes.
inline constexpr std::chrono::minutes kTouchInterval =
    std::min<std::chrono::minutes>(kCollectionGrace / 4, std::chrono::hours(1));
inline constexpr std::chrono::minutes kUploadTouchInterval{5};
// A touch that is written after the answer waits this long for others to go along.
inline constexpr std::chrono::seconds kTouchFlush{1};
// Touches that wait to be written, and how many one transaction writes.
inline constexpr size_t kTouchQueue = 10'000;
inline constexpr size_t kTouchBatch = 500;
// How long an answer waits for a touch that must be written first; then 503.
inline constexpr std::chrono::seconds kTouchWait{2};
// Touches that could not be written are tried again after this time.
inline constexpr std::chrono::seconds kTouchRetry{10};
// Missing digests that an error message names; the others are counted.
inline constexpr size_t kMaxNamedDigests = 20;

// Control plane: upkeep (expired sessions, trash).
inline constexpr std::chrono::minutes kUpkeepInterval{1};
inline constexpr int kUpkeepBatch = 100;
inline constexpr int kUpkeepMaxBatches = 100;
// How long a replaced copy stays for the readers it has.
inline constexpr std::chrono::minutes kTrashHold{5};
// Blobs that may be marked as damaged in kSuspectWindow. More mean that the store itself fails.
inline constexpr size_t kMaxSuspects = 100;
inline constexpr std::chrono::minutes kSuspectWindow{10};
// How long trash that could not be deleted waits for the next attempt.
inline constexpr std::chrono::minutes kTrashRetry{1};
// Stat and Delete on a storage node.
inline constexpr std::chrono::seconds kStorageOrderDeadline{5};

}  // namespace registry::base

#endif  // REGISTRY_BASE_LIMITS_H_
