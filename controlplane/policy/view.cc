#include "controlplane/policy/view.h"

#include <map>
#include <utility>

namespace registry::controlplane {
namespace {

template <class Object>
void SortByName(std::vector<Object>& objects) {
  std::sort(objects.begin(), objects.end(),
            [](const Object& a, const Object& b) { return a.name < b.name; });
}

}  // namespace

PolicyObjects EffectiveObjects(PolicyObjects objects) {
  std::map<std::string, User*> users;
  for (User& user : objects.users) users[user.name] = &user;
  std::map<std::string, Group> groups;
  for (Group& group : objects.groups) {
    std::erase_if(group.members, [&](const std::string& name) { return !users.contains(name); });
    std::string name = group.name;
    groups.emplace(std::move(name), std::move(group));
  }
  const auto named = [&](const std::string& name, const std::string& origin) -> Group& {
    Group& group = groups.try_emplace(name, Group{.name = name}).first->second;
    // A file that names the group defines it, even if the admin API has added members.
    if (group.origin.empty()) group.origin = origin;
    return group;
  };
  for (const User& user : objects.users) {
    for (const std::string& name : user.groups) named(name, user.origin).members.insert(user.name);
  }
  for (const RoleBinding& binding : objects.bindings) {
    for (const Subject& subject : binding.subjects) {
      if (subject.kind == Subject::Kind::kGroup) named(subject.name, binding.origin);
    }
  }
  objects.groups.clear();
  for (auto& [name, group] : groups) {
    for (const std::string& member : group.members) users[member]->groups.insert(name);
    objects.groups.push_back(std::move(group));
  }
  SortByName(objects.users);
  SortByName(objects.roles);
  SortByName(objects.bindings);
  SortByName(objects.tokens);
  return objects;
}

}  // namespace registry::controlplane
