#include "controlplane/sql/sqlite/migrations.h"

namespace registry::controlplane {
namespace {

// Times are milliseconds since the epoch. Text compares bytewise, as lists promise.
// Digests, node ids and UUIDs are stored as text.
Migration InitialSchema() {
  return {
      "CREATE TABLE repositories ("
      "  id INTEGER PRIMARY KEY,"
      "  name TEXT NOT NULL UNIQUE,"
      "  created_at_ms INTEGER NOT NULL) STRICT",

      // Manifests, verbatim; repositories share them.
      "CREATE TABLE manifest_bytes ("
      "  digest TEXT PRIMARY KEY,"
      "  content BLOB NOT NULL) STRICT",
      "CREATE TABLE manifests ("
      "  repository_id INTEGER NOT NULL REFERENCES repositories (id),"
      "  digest TEXT NOT NULL REFERENCES manifest_bytes (digest),"
      "  media_type TEXT NOT NULL,"
      "  size_bytes INTEGER NOT NULL,"
      "  subject TEXT,"
      "  artifact_type TEXT NOT NULL,"
      "  touched_at_ms INTEGER NOT NULL,"
      "  PRIMARY KEY (repository_id, digest)) STRICT, WITHOUT ROWID",
      "CREATE INDEX manifests_by_digest ON manifests (digest)",
      "CREATE INDEX referrers ON manifests (repository_id, subject) WHERE subject IS NOT NULL",
      // References of manifests. No foreign keys: foreign layers and sparse indexes name content
      // that the registry does not have.
      "CREATE TABLE manifest_blobs ("
      "  repository_id INTEGER NOT NULL,"
      "  manifest TEXT NOT NULL,"
      "  blob TEXT NOT NULL,"
      "  PRIMARY KEY (repository_id, manifest, blob)) STRICT, WITHOUT ROWID",
      "CREATE TABLE manifest_children ("
      "  repository_id INTEGER NOT NULL,"
      "  manifest TEXT NOT NULL,"
      "  child TEXT NOT NULL,"
      "  PRIMARY KEY (repository_id, manifest, child)) STRICT, WITHOUT ROWID",

      "CREATE TABLE tags ("
      "  repository_id INTEGER NOT NULL,"
      "  name TEXT NOT NULL,"
      "  digest TEXT NOT NULL,"
      "  updated_at_ms INTEGER NOT NULL,"
      "  PRIMARY KEY (repository_id, name),"
      "  FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest)"
      ") STRICT, WITHOUT ROWID",
      "CREATE INDEX tags_by_digest ON tags (repository_id, digest)",
      // Where each tag pointed since when, and who changed it. No digest: the tag was deleted.
      "CREATE TABLE tag_history ("
      "  id INTEGER PRIMARY KEY,"
      "  repository_id INTEGER NOT NULL REFERENCES repositories (id),"
      "  tag TEXT NOT NULL,"
      "  digest TEXT,"
      "  principal TEXT NOT NULL,"
      "  changed_at_ms INTEGER NOT NULL) STRICT",
      "CREATE INDEX tag_history_by_tag ON tag_history (repository_id, tag, id)",

      // A digest's stored copies. suspect: the bytes are damaged; condemned: being collected.
      "CREATE TABLE blobs ("
      "  digest TEXT PRIMARY KEY,"
      "  incarnation TEXT NOT NULL UNIQUE,"
      "  size_bytes INTEGER NOT NULL,"
      "  state TEXT NOT NULL CHECK (state IN ('live', 'suspect', 'condemned')),"
      "  touched_at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID",
      // One row per node that may hold bytes of an incarnation, from before the first byte is
      // written until after the last one is deleted.
      "CREATE TABLE blob_replicas ("
      "  incarnation TEXT NOT NULL,"
      "  node TEXT NOT NULL,"
      "  state TEXT NOT NULL CHECK (state IN ('writing', 'durable', 'deleting')),"
      "  PRIMARY KEY (incarnation, node)) STRICT, WITHOUT ROWID",
      // The blobs that a repository may serve.
      "CREATE TABLE repository_blobs ("
      "  repository_id INTEGER NOT NULL REFERENCES repositories (id),"
      "  digest TEXT NOT NULL,"
      "  PRIMARY KEY (repository_id, digest)) STRICT, WITHOUT ROWID",

      // A session's id is the incarnation that it creates.
      "CREATE TABLE uploads ("
      "  id TEXT PRIMARY KEY,"
      "  repository_id INTEGER NOT NULL REFERENCES repositories (id),"
      "  digest_algorithm TEXT NOT NULL,"
      "  primary_node TEXT NOT NULL,"
      "  state TEXT NOT NULL CHECK (state IN ('open', 'finished')),"
      "  digest TEXT,"
      "  size_bytes INTEGER,"
      "  started_at_ms INTEGER NOT NULL,"
      "  touched_at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID",
      "CREATE INDEX uploads_by_touch ON uploads (state, touched_at_ms)",
      // Pending deletions: the work queue for replicas in state 'deleting'. The digest, if known,
      // is a hint for the node.
      "CREATE TABLE trash ("
      "  incarnation TEXT NOT NULL,"
      "  node TEXT NOT NULL,"
      "  digest TEXT,"
      "  not_before_ms INTEGER NOT NULL,"
      "  PRIMARY KEY (incarnation, node)) STRICT, WITHOUT ROWID",
      "CREATE INDEX trash_by_time ON trash (not_before_ms)",

      "CREATE TABLE nodes ("
      "  id TEXT PRIMARY KEY,"
      "  added_at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID",
      "CREATE TABLE policy_revision ("
      "  id INTEGER PRIMARY KEY CHECK (id = 1),"
      "  revision INTEGER NOT NULL) STRICT",
      "INSERT INTO policy_revision (id, revision) VALUES (1, 1)",
      // The newest key signs.
      "CREATE TABLE signing_keys ("
      "  id INTEGER PRIMARY KEY,"
      "  secret BLOB NOT NULL,"
      "  created_at_ms INTEGER NOT NULL) STRICT",
  };
}

Migration Referrers() {
  return {
      // For manifests with a subject: annotations for lists of referrers, a JSON object of strings.
      "ALTER TABLE manifests ADD COLUMN annotations TEXT",
      "UPDATE manifests SET annotations = ("
      "  SELECT json_extract(CAST(content AS TEXT), '$.annotations') FROM manifest_bytes"
      "  WHERE manifest_bytes.digest = manifests.digest) WHERE subject IS NOT NULL",
      "CREATE INDEX referrers_by_type ON manifests (repository_id, subject, artifact_type)"
      "  WHERE subject IS NOT NULL",
      // For mounts that name no source.
      "CREATE INDEX repository_blobs_by_digest ON repository_blobs (digest)",
  };
}

Migration RefreshTokens() {
  return {
      // Stored as SHA-256, so that a copy of the database gives no access.
      "CREATE TABLE refresh_tokens ("
      "  hash BLOB PRIMARY KEY,"
      "  user_name TEXT NOT NULL,"
      "  credential_version TEXT NOT NULL,"
      "  issued_at_ms INTEGER NOT NULL,"
      "  used_at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID",
      "CREATE INDEX refresh_tokens_by_user ON refresh_tokens (user_name, used_at_ms)",
      "CREATE INDEX refresh_tokens_by_use ON refresh_tokens (used_at_ms)",
  };
}

Migration PolicyObjectsAndAuditLog() {
  return {
      // The objects of the access policy. Objects from files or flags have an origin, "FILE:LINE",
      // and are replaced as one set. The table has hashes of passwords and tokens, never their
      // text.
      "CREATE TABLE policy_objects ("
      "  kind TEXT NOT NULL,"
      "  name TEXT NOT NULL,"
      "  spec TEXT NOT NULL,"
      "  origin TEXT NOT NULL,"
      "  PRIMARY KEY (kind, name)) STRICT, WITHOUT ROWID",
      // The set of files, by the SHA-256 of its objects: replicas with the same files agree.
      "CREATE TABLE policy_file_set ("
      "  id INTEGER PRIMARY KEY CHECK (id = 1),"
      "  content_hash TEXT NOT NULL,"
      "  loaded_at_ms INTEGER NOT NULL) STRICT",
      "CREATE TABLE audit_log ("
      "  id INTEGER PRIMARY KEY,"
      "  at_ms INTEGER NOT NULL,"
      "  principal TEXT NOT NULL,"
      "  peer TEXT NOT NULL,"
      "  method TEXT NOT NULL,"
      "  resource TEXT NOT NULL,"
      "  detail TEXT NOT NULL,"
      "  revision INTEGER NOT NULL) STRICT",
  };
}

Migration RoomForUploads() {
  return {
      // The owner of the session (empty: anonymous clients), and the bytes that it may hold before
      // its
      // gateway asks for more; 0 if uploads are not limited.
      "ALTER TABLE uploads ADD COLUMN principal TEXT NOT NULL DEFAULT ''",
      "ALTER TABLE uploads ADD COLUMN granted_bytes INTEGER NOT NULL DEFAULT 0",
      "CREATE INDEX open_uploads_by_principal ON uploads (principal, granted_bytes)"
      "  WHERE state = 'open'",
      // 1 for the bytes of an unfinished upload, which are deleted again after a while.
      "ALTER TABLE trash ADD COLUMN delete_again INTEGER NOT NULL DEFAULT 0",
  };
}

}  // namespace

const std::vector<Migration>& SqliteMigrations() {
  static const std::vector<Migration>& migrations = *new std::vector<Migration>{
      InitialSchema(), Referrers(), RefreshTokens(), PolicyObjectsAndAuditLog(), RoomForUploads()};
  return migrations;
}

}  // namespace registry::controlplane
