// The objects of an access policy as administrators see them: with both sides of each membership,
// and with groups that only files name.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_POLICY_VIEW_H_
#define REGISTRY_CONTROLPLANE_POLICY_VIEW_H_

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "controlplane/policy/objects.h"

namespace registry::controlplane {

// Gives users all of their groups and groups all of their members; sorts all by name. A group that
// is no object of the admin API gets the origin of the object that names it.
PolicyObjects EffectiveObjects(PolicyObjects objects);

// Finds an object in objects sorted by name; nullptr if there is none.
template <class Object>
const Object* FindByName(const std::vector<Object>& objects, absl::string_view name) {
  const auto found =
      std::lower_bound(objects.begin(), objects.end(), name,
                       [](const Object& object, absl::string_view n) { return object.name < n; });
  return found == objects.end() || found->name != name ? nullptr : &*found;
}

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_VIEW_H_
