// The access policy as it is kept: the objects in SQL, and the policy that is made of them.
//
//   auto store = PolicyStore::Open(database, AdministratorOnly("admin", hash));
//   store->Change({.actor = actor, .method = "DeleteUser", .resource = "users/bob"},
//                 [](PolicyObjects& objects) { return DeleteUser(objects, "bob"); });
//
// There are two kinds of objects: the configured ones, of files or flags, which come and go as one
// set, and those made with the admin API. Where both have a name, the configured one replaces the
// other. With a user who goes, go the tokens, memberships and places in bindings that were made for
// that user; what refers to a role that is gone has no effect until it is back.
//
// A change is one transaction with its event in the audit log and a new revision, and then holds at
// once. One that would make a policy that cannot be changes nothing. Thread-safe; blocks.
#ifndef REGISTRY_CONTROLPLANE_POLICY_STORE_H_
#define REGISTRY_CONTROLPLANE_POLICY_STORE_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "controlplane/audit_log.h"
#include "controlplane/policy_holder.h"
#include "controlplane/policy_rows.h"
#include "controlplane/sql/database.h"

namespace registry::controlplane {

class PolicyStore {
 public:
  // Brings `configured`, all with an origin, into the database, and makes the policy of now.
  // `passwords`, by user name, are of users whom `configured` gives no hash. One that matches the
  // hash which the database has of it is not hashed anew: what was issued to the user stays good.
  // `database` must outlive the store. Errors: INVALID_ARGUMENT for a policy that cannot be;
  // those of the database.
  static absl::StatusOr<std::unique_ptr<PolicyStore>> Open(
      Database& database, PolicyObjects configured,
      const std::map<std::string, std::string>& passwords = {});

  PolicyStore(const PolicyStore&) = delete;
  PolicyStore& operator=(const PolicyStore&) = delete;

  const std::shared_ptr<PolicyHolder>& holder() const { return holder_; }

  // Who does what, for the audit log.
  struct Cause {
    Actor actor;
    std::string method;
    std::string resource;
  };

  // The objects as they are kept, to be changed. Runs again when the transaction does.
  using Edit = absl::FunctionRef<absl::Status(PolicyObjects&)>;

  // Errors: that of `edit`; INVALID_ARGUMENT for a policy that cannot be; those of the database.
  // Returns what holds from then on.
  absl::StatusOr<PolicySnapshot> Change(const Cause& cause, Edit edit);

  struct Replaced {
    PolicySnapshot snapshot;
    // What of the admin API gives way, or has no effect any more.
    std::vector<std::string> warnings;
  };
  // Puts `configured` in the place of what was configured. Errors as above. The caller logs the
  // warnings.
  absl::StatusOr<Replaced> ReplaceConfigured(const Cause& cause, const PolicyObjects& configured);

 private:
  explicit PolicyStore(Database& database) : database_(database) {}

  struct Stored {
    PolicyObjects objects;
    std::shared_ptr<const Policy> policy;
    int64_t revision = 0;
    std::vector<std::string> warnings;
  };
  // Gives out the warnings of Stored.
  absl::StatusOr<PolicySnapshot> Apply(const Cause& cause, Edit edit,
                                       std::vector<std::string>& warnings);
  absl::StatusOr<Stored> ChangeRows(Transaction& t, const Cause& cause, Edit edit) const;

  Database& database_;
  // One change at a time, so that they hold in the order of their transactions.
  std::mutex mutex_;
  std::shared_ptr<PolicyHolder> holder_;
};

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_STORE_H_
