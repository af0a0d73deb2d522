// The objects of an access policy as administrators see them: membership in a group is one thing,
// whichever side says so, and a group that only files name is one too.
//
// Thread-safe.
#ifndef REGISTRY_CONTROLPLANE_POLICY_VIEW_H_
#define REGISTRY_CONTROLPLANE_POLICY_VIEW_H_

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "controlplane/policy_objects.h"

namespace registry::controlplane {

// Users have all of their groups, groups all of their members; all are in the order of their names.
// A group that no object of the admin API stands for has the origin of what names it.
PolicyObjects EffectiveObjects(PolicyObjects objects);

// The object of that name, in objects in the order of their names; nullptr when there is none.
template <class Object>
const Object* FindByName(const std::vector<Object>& objects, absl::string_view name) {
  const auto found =
      std::lower_bound(objects.begin(), objects.end(), name,
                       [](const Object& object, absl::string_view n) { return object.name < n; });
  return found == objects.end() || found->name != name ? nullptr : &*found;
}

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_POLICY_VIEW_H_
