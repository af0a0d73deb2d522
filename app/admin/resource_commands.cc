// The commands list, get, create, update, delete and revoke.
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/field_mask.pb.h>

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "app/admin/message_fields.h"
#include "app/admin/run.h"
#include "app/admin/table.h"
#include "app/config/secret_input.h"
#include "app/genhash.h"

namespace registry::app::admin {
namespace {

namespace pb = google::protobuf;
using MessagePointer = std::unique_ptr<pb::Message>;

// How long to retry an update that keeps conflicting with other writers.
constexpr absl::Duration kUpdateTimeout = absl::Seconds(30);

const pb::FieldDescriptor* Field(const pb::Message& message, absl::string_view name) {
  return message.GetDescriptor()->FindFieldByName(std::string(name));
}

void SetText(absl::string_view field, const std::string& text, pb::Message& message) {
  message.GetReflection()->SetString(&message, Field(message, field), text);
}

// The field of requests that holds the resource: user for "User", role_binding for "RoleBinding".
std::string FieldNameOf(const ResourceType& type) {
  std::string name;
  for (const char c : type.singular) {
    if (absl::ascii_isupper(c) && !name.empty()) name += '_';
    name += absl::ascii_tolower(c);
  }
  return name;
}

// One run of a command on resources.
class ResourceRun {
 public:
  explicit ResourceRun(const Run& run) : run_(run) {}

  absl::Status Execute() {
    const std::string& command = run_.arguments.command;
    if (command == "list") return List();
    if (command == "get") return Get();
    if (command == "create") return Create();
    if (command == "update") return Update();
    if (command == "delete") return Delete();
    return Revoke();
  }

 private:
  const ResourceType& type() const { return *run_.arguments.type; }
  std::string ResourceName(const std::string& id) const {
    return absl::StrCat(type().collection, "/", id);
  }
  // The field of a ListUsersResponse that holds the users.
  const pb::FieldDescriptor* Items(const pb::Message& list) const {
    return list.GetDescriptor()->FindFieldByNumber(1);
  }

  // Prints one row per resource; with -o json, prints `message`, which holds all of them.
  absl::Status PrintResources(const pb::Message& message,
                              const std::vector<const pb::Message*>& resources,
                              bool with_value = false) {
    if (run_.arguments.json) return run_.PrintJson(message);
    std::vector<std::string> header;
    for (const Column& column : type().columns) header.emplace_back(column.header);
    if (with_value) header.emplace_back("VALUE");
    Table table(header);
    for (const pb::Message* resource : resources) {
      std::vector<std::string> row;
      for (const Column& column : type().columns) row.push_back(TextOf(*resource, column.field));
      if (with_value) row.push_back(TextOf(*resource, "value"));
      table.Add(std::move(row));
    }
    run_.Print(table.ToString());
    return absl::OkStatus();
  }

  absl::Status PrintList(const pb::Message& list) {
    std::vector<const pb::Message*> resources;
    for (int i = 0; i < list.GetReflection()->FieldSize(list, Items(list)); ++i) {
      resources.push_back(&list.GetReflection()->GetRepeatedMessage(list, Items(list), i));
    }
    return PrintResources(list, resources);
  }

  absl::Status List() {
    MessagePointer all = NewMessage(absl::StrCat("List", type().plural, "Response"));
    const MessagePointer request = NewMessage(absl::StrCat("List", type().plural, "Request"));
    request->GetReflection()->SetInt32(request.get(), Field(*request, "page_size"),
                                       std::numeric_limits<int32_t>::max());
    do {
      const MessagePointer page(all->New());
      absl::Status status = run_.client.Call(absl::StrCat("List", type().plural), *request, *page);
      if (!status.ok()) return status;
      SetText("page_token", TextOfField(*page, "next_page_token"), *request);
      SetText("next_page_token", "", *page);
      all->MergeFrom(*page);
    } while (!TextOfField(*request, "page_token").empty());
    return PrintList(*all);
  }

  static std::string TextOfField(const pb::Message& message, absl::string_view field) {
    return message.GetReflection()->GetString(message, Field(message, field));
  }

  absl::StatusOr<MessagePointer> Read(const std::string& id) {
    const MessagePointer request = NewMessage(absl::StrCat("Get", type().singular, "Request"));
    SetText("name", ResourceName(id), *request);
    MessagePointer resource = NewMessage(type().singular);
    absl::Status status =
        run_.client.Call(absl::StrCat("Get", type().singular), *request, *resource);
    if (!status.ok()) return status;
    return resource;
  }

  absl::Status Get() {
    const MessagePointer list = NewMessage(absl::StrCat("List", type().plural, "Response"));
    for (const std::string& id : run_.arguments.words) {
      absl::StatusOr<MessagePointer> resource = Read(id);
      if (!resource.ok()) return resource.status();
      if (run_.arguments.words.size() == 1) {
        return PrintResources(**resource, {resource->get()});
      }
      list->GetReflection()->AddMessage(list.get(), Items(*list))->CopyFrom(**resource);
    }
    return PrintList(*list);
  }

  // Applies the flags to the resource, and adds the fields that they set to `changed`.
  absl::Status EditFields(pb::Message& resource, pb::FieldMask& changed) const {
    constexpr std::pair<Edit, absl::string_view> kEdits[] = {
        {Edit::kSet, ""}, {Edit::kAdd, "add"}, {Edit::kRemove, "remove"}};
    for (const FieldFlag& flag : type().flags) {
      for (const auto& [edit, prefix] : kEdits) {
        const auto found = run_.arguments.settings.find(absl::StrCat(prefix, flag.flag));
        if (found == run_.arguments.settings.end()) continue;
        absl::Status status = EditField(flag, edit, found->second.values, resource);
        if (!status.ok()) return status;
        const auto& paths = changed.paths();
        if (std::find(paths.begin(), paths.end(), flag.field) == paths.end()) {
          changed.add_paths(std::string(flag.field));
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadPassword(pb::Message& resource) const {
    const absl::StatusOr<std::string> hash = HashFromInput(run_.cli.input_fd, run_.cli.errors);
    if (!hash.ok()) return hash.status();
    SetText("password_hash", *hash, resource);
    return absl::OkStatus();
  }

  absl::Status Create() {
    const MessagePointer request = NewMessage(absl::StrCat("Create", type().singular, "Request"));
    const std::string field = FieldNameOf(type());
    SetText(absl::StrCat(field, "_id"), run_.arguments.words[0], *request);
    pb::Message& resource =
        *request->GetReflection()->MutableMessage(request.get(), Field(*request, field));
    pb::FieldMask ignored;
    if (absl::Status status = EditFields(resource, ignored); !status.ok()) return status;
    const bool is_user = type().word == "users";
    if (is_user && !run_.Has("nopassword")) {
      if (absl::Status status = ReadPassword(resource); !status.ok()) return status;
    }
    if (run_.Has("valuestdin")) {
      const absl::StatusOr<std::string> value = ReadSecretLine(run_.cli.input_fd);
      if (!value.ok()) {
        return absl::Status(value.status().code(),
                            absl::StrCat("standard input: ", value.status().message()));
      }
      SetText("value", *value, resource);
    }
    const MessagePointer made = NewMessage(type().singular);
    absl::Status status =
        run_.client.Call(absl::StrCat("Create", type().singular), *request, *made);
    if (!status.ok()) return status;
    return PrintResources(*made, {made.get()}, /*with_value=*/type().word == "tokens");
  }

  absl::Status Update() {
    MessagePointer secret = NewMessage(type().singular);
    if (run_.Has("password")) {
      if (absl::Status status = ReadPassword(*secret); !status.ok()) return status;
    }
    const absl::Time deadline = absl::Now() + kUpdateTimeout;
    while (true) {
      absl::Status status = UpdateOnce(*secret);
      // Another writer changed the resource first: read it again.
      if (!absl::IsAborted(status) || absl::Now() > deadline) return status;
    }
  }

  absl::Status UpdateOnce(const pb::Message& secret) {
    absl::StatusOr<MessagePointer> current = Read(run_.arguments.words[0]);
    if (!current.ok()) return current.status();
    pb::Message& resource = **current;
    const MessagePointer request = NewMessage(absl::StrCat("Update", type().singular, "Request"));
    auto& mask = static_cast<pb::FieldMask&>(
        *request->GetReflection()->MutableMessage(request.get(), Field(*request, "update_mask")));
    if (absl::Status status = EditFields(resource, mask); !status.ok()) return status;
    if (run_.Has("password") || run_.Has("nopassword")) {
      SetText("password_hash", TextOfField(secret, "password_hash"), resource);
      mask.add_paths("password_hash");
    }
    request->GetReflection()
        ->MutableMessage(request.get(), Field(*request, FieldNameOf(type())))
        ->CopyFrom(resource);
    const MessagePointer changed = NewMessage(type().singular);
    absl::Status status =
        run_.client.Call(absl::StrCat("Update", type().singular), *request, *changed);
    if (!status.ok()) return status;
    return PrintResources(*changed, {changed.get()});
  }

  // Calls a method that takes only a name, once per word.
  absl::Status ForEach(const std::string& method, absl::string_view done) {
    for (const std::string& id : run_.arguments.words) {
      const MessagePointer request = NewMessage(absl::StrCat(method, "Request"));
      SetText("name", ResourceName(id), *request);
      pb::Empty nothing;
      if (absl::Status status = run_.client.Call(method, *request, nothing); !status.ok()) {
        return status;
      }
      if (!run_.arguments.json) run_.Print(absl::StrCat(done, " ", ResourceName(id), "\n"));
    }
    return absl::OkStatus();
  }

  absl::Status Delete() { return ForEach(absl::StrCat("Delete", type().singular), "deleted"); }
  absl::Status Revoke() { return ForEach("RevokeUserTokens", "revoked the tokens of"); }

  const Run& run_;
};

}  // namespace

absl::Status RunResourceCommand(const Run& run) { return ResourceRun(run).Execute(); }

}  // namespace registry::app::admin
