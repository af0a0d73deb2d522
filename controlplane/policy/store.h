// Stores the access policy: its objects in SQL, and the Policy compiled from them.
//
//   auto store = PolicyStore::Open(database, AdministratorOnly("admin", hash));
//   store->Change({.actor = actor, .method = "DeleteUser", .resource = "users/bob"},
//                 [](PolicyObjects& objects) { return DeleteUser(objects, "bob"); });
//
// There are two kinds of objects: configured ones, from files or flags, which change as one set,
// and objects made with the admin API. If both have the same name, the configured one replaces the
// other. Deleting a user also deletes the user's tokens, memberships and places in bindings; a
// binding whose role is gone has no effect until the role is back.
//
// A change is one transaction, with its audit event and a new revision, and takes effect at once. A
// change that would make the policy invalid fails and changes nothing. Thread-safe; blocks.
#ifndef REGISTRY_CONTROLPLANE_POLICY_STORE_H_
#define REGISTRY_CONTROLPLANE_POLICY_STORE_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "controlplane/policy/audit_log.h"
#include "controlplane/policy/holder.h"
#include "controlplane/policy/rows.h"
#include "controlplane/sql/database.h"

namespace registry::controlplane {

class PolicyStore {
 public:
  // Writes `configured`, whose objects all have an origin, to the database, and compiles the
  // policy. `passwords`, by user name, are for users without a hash in `configured`. If the stored
  // hash still matches a password, keeps that hash, so that the user's issued tokens stay valid.
  // `database` must outlive the store. Errors: INVALID_ARGUMENT for an invalid policy; those of the
  // database.
  static absl::StatusOr<std::unique_ptr<PolicyStore>> Open(
      Database& database, PolicyObjects configured,
      const std::map<std::string, std::string>& passwords = {});

  PolicyStore(const PolicyStore&) = delete;
  PolicyStore& operator=(const PolicyStore&) = delete;

  const std::shared_ptr<PolicyHolder>& holder() const { return holder_; }

  // The author and the kind of a change, for the audit log.
  struct Cause {
    Actor actor;
    std::string method;
    std::string resource;
    // A change besides changes of the objects. If set, there is always a new revision.
    std::string detail = "";
  };

  // Edits the stored objects. Runs again if the transaction is retried.
  using Edit = absl::FunctionRef<absl::Status(PolicyObjects&)>;

  // Returns the new policy, already in effect. Errors: that of `edit`; INVALID_ARGUMENT for an
  // invalid policy; those of the database.
  absl::StatusOr<PolicySnapshot> Change(const Cause& cause, Edit edit);

  struct Replaced {
    PolicySnapshot snapshot;
    // Names objects of the admin API that were replaced or no longer have an effect.
    std::vector<std::string> warnings;
  };
  // Replaces all configured objects with `configured`; `passwords` are as for Open. Errors as
  // above. The caller logs the warnings.
  absl::StatusOr<Replaced> ReplaceConfigured(
      const Cause& cause, PolicyObjects configured,
      const std::map<std::string, std::string>& passwords = {});

 private:
  explicit PolicyStore(Database& database) : database_(database) {}

  struct Stored {
    PolicyObjects objects;
    std::shared_ptr<const Policy> policy;
    int64_t revision = 0;
    std::vector<std::string> warnings;
  };
  // Returns the warnings of Stored in `warnings`.
  absl::StatusOr<PolicySnapshot> Apply(const Cause& cause, Edit edit,
                                       std::vector<std::string>& warnings);
  absl::StatusOr<Stored> ChangeRows(Transaction& t, const Cause& cause, Edit edit) const;

  Database& database_;
  // Serializes changes, so that they take effect in the order of their transactions.
  std::mutex mutex_;
  std::shared_ptr<PolicyHolder> holder_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_STORE_H_
