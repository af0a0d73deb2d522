#include "app/admin/admin.h"

#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "app/admin/arguments.h"
#include "app/admin/client.h"
#include "app/admin/message_fields.h"
#include "app/admin/table.h"
#include "app/genhash.h"
#include "app/help.h"
#include "app/secret_input.h"
#include "oci/error.h"
#include "registry/v1/admin.pb.h"

namespace registry::app::admin {
namespace {

namespace pb = google::protobuf;
using MessagePointer = std::unique_ptr<pb::Message>;

// How often somebody else may change a resource between reading and updating it.
constexpr int kUpdateAttempts = 10;

// An empty message of admin.proto.
MessagePointer NewMessage(absl::string_view name) {
  const pb::Descriptor* type = pb::DescriptorPool::generated_pool()->FindMessageTypeByName(
      absl::StrCat("registry.v1.", name));
  return MessagePointer(pb::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

const pb::FieldDescriptor* Field(const pb::Message& message, absl::string_view name) {
  return message.GetDescriptor()->FindFieldByName(std::string(name));
}

void SetText(absl::string_view field, const std::string& text, pb::Message& message) {
  message.GetReflection()->SetString(&message, Field(message, field), text);
}

// "User" is user, "RoleBinding" is role_binding: how requests call the field of the resource.
std::string FieldNameOf(const ResourceType& type) {
  std::string name;
  for (const char c : type.singular) {
    if (absl::ascii_isupper(c) && !name.empty()) name += '_';
    name += absl::ascii_tolower(c);
  }
  return name;
}

// One run of the command, with a registry to talk to.
class Run {
 public:
  Run(const Cli& cli, const AdminArguments& arguments, Client& client)
      : cli_(cli), arguments_(arguments), client_(client) {}

  absl::Status Execute() {
    const std::string& command = arguments_.command;
    if (command == "list") return List();
    if (command == "get") return Get();
    if (command == "create") return Create();
    if (command == "update") return Update();
    if (command == "delete") return Delete();
    if (command == "revoke") return Revoke();
    if (command == "explain") return Explain();
    if (command == "reload") return Reload();
    return Audit();
  }

 private:
  const ResourceType& type() const { return *arguments_.type; }
  bool Has(absl::string_view flag) const { return arguments_.settings.contains(flag); }
  std::string ResourceName(const std::string& id) const {
    return absl::StrCat(type().collection, "/", id);
  }
  // The field of a ListUsersResponse that holds the users.
  const pb::FieldDescriptor* Items(const pb::Message& list) const {
    return list.GetDescriptor()->FindFieldByNumber(1);
  }

  void Print(absl::string_view text) { cli_.output << text; }

  absl::Status PrintJson(const pb::Message& message) {
    pb::util::JsonPrintOptions options;
    options.add_whitespace = true;
    options.always_print_primitive_fields = true;
    std::string text;
    const auto status = pb::util::MessageToJsonString(message, &text, options);
    if (!status.ok()) return absl::InternalError(status.ToString());
    Print(text);
    return absl::OkStatus();
  }

  // Each a row; `message` holds all of them.
  absl::Status PrintResources(const pb::Message& message,
                              const std::vector<const pb::Message*>& resources,
                              bool with_value = false) {
    if (arguments_.json) return PrintJson(message);
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
    Print(table.ToString());
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
      absl::Status status = client_.Call(absl::StrCat("List", type().plural), *request, *page);
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
    absl::Status status = client_.Call(absl::StrCat("Get", type().singular), *request, *resource);
    if (!status.ok()) return status;
    return resource;
  }

  absl::Status Get() {
    const MessagePointer list = NewMessage(absl::StrCat("List", type().plural, "Response"));
    for (const std::string& id : arguments_.words) {
      absl::StatusOr<MessagePointer> resource = Read(id);
      if (!resource.ok()) return resource.status();
      if (arguments_.words.size() == 1) {
        return PrintResources(**resource, {resource->get()});
      }
      list->GetReflection()->AddMessage(list.get(), Items(*list))->CopyFrom(**resource);
    }
    return PrintList(*list);
  }

  // Takes what the flags say into the resource, and their fields into `changed`.
  absl::Status Edit(pb::Message& resource, pb::FieldMask& changed) const {
    constexpr std::pair<admin::Edit, absl::string_view> kEdits[] = {
        {admin::Edit::kSet, ""}, {admin::Edit::kAdd, "add"}, {admin::Edit::kRemove, "remove"}};
    for (const FieldFlag& flag : type().flags) {
      for (const auto& [edit, prefix] : kEdits) {
        const auto found = arguments_.settings.find(absl::StrCat(prefix, flag.flag));
        if (found == arguments_.settings.end()) continue;
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
    const absl::StatusOr<std::string> hash = HashFromInput(cli_.input_fd, cli_.errors);
    if (!hash.ok()) return hash.status();
    SetText("password_hash", *hash, resource);
    return absl::OkStatus();
  }

  absl::Status Create() {
    const MessagePointer request = NewMessage(absl::StrCat("Create", type().singular, "Request"));
    const std::string field = FieldNameOf(type());
    SetText(absl::StrCat(field, "_id"), arguments_.words[0], *request);
    pb::Message& resource =
        *request->GetReflection()->MutableMessage(request.get(), Field(*request, field));
    pb::FieldMask ignored;
    if (absl::Status status = Edit(resource, ignored); !status.ok()) return status;
    const bool is_user = type().word == "users";
    if (is_user && !Has("nopassword")) {
      if (absl::Status status = ReadPassword(resource); !status.ok()) return status;
    }
    if (Has("valuestdin")) {
      const absl::StatusOr<std::string> value = ReadSecretLine(cli_.input_fd);
      if (!value.ok()) {
        return absl::Status(value.status().code(),
                            absl::StrCat("standard input: ", value.status().message()));
      }
      SetText("value", *value, resource);
    }
    const MessagePointer made = NewMessage(type().singular);
    absl::Status status = client_.Call(absl::StrCat("Create", type().singular), *request, *made);
    if (!status.ok()) return status;
    return PrintResources(*made, {made.get()}, /*with_value=*/type().word == "tokens");
  }

  absl::Status Update() {
    MessagePointer secret = NewMessage(type().singular);
    if (Has("password")) {
      if (absl::Status status = ReadPassword(*secret); !status.ok()) return status;
    }
    for (int attempt = 1;; ++attempt) {
      absl::Status status = UpdateOnce(*secret);
      // Somebody else was faster.
      if (absl::IsAborted(status) && attempt < kUpdateAttempts) continue;
      return status;
    }
  }

  absl::Status UpdateOnce(const pb::Message& secret) {
    absl::StatusOr<MessagePointer> current = Read(arguments_.words[0]);
    if (!current.ok()) return current.status();
    pb::Message& resource = **current;
    const MessagePointer request = NewMessage(absl::StrCat("Update", type().singular, "Request"));
    auto& mask = static_cast<pb::FieldMask&>(
        *request->GetReflection()->MutableMessage(request.get(), Field(*request, "update_mask")));
    if (absl::Status status = Edit(resource, mask); !status.ok()) return status;
    if (Has("password") || Has("nopassword")) {
      SetText("password_hash", TextOfField(secret, "password_hash"), resource);
      mask.add_paths("password_hash");
    }
    request->GetReflection()
        ->MutableMessage(request.get(), Field(*request, FieldNameOf(type())))
        ->CopyFrom(resource);
    const MessagePointer changed = NewMessage(type().singular);
    absl::Status status = client_.Call(absl::StrCat("Update", type().singular), *request, *changed);
    if (!status.ok()) return status;
    return PrintResources(*changed, {changed.get()});
  }

  // Calls a method that only takes a name, for each of the words.
  absl::Status ForEach(const std::string& method, absl::string_view done) {
    for (const std::string& id : arguments_.words) {
      const MessagePointer request = NewMessage(absl::StrCat(method, "Request"));
      SetText("name", ResourceName(id), *request);
      pb::Empty nothing;
      if (absl::Status status = client_.Call(method, *request, nothing); !status.ok()) {
        return status;
      }
      if (!arguments_.json) Print(absl::StrCat(done, " ", ResourceName(id), "\n"));
    }
    return absl::OkStatus();
  }

  absl::Status Delete() { return ForEach(absl::StrCat("Delete", type().singular), "deleted"); }
  absl::Status Revoke() { return ForEach("RevokeUserTokens", "revoked the tokens of"); }

  absl::Status Explain() {
    v1::ExplainRequest request;
    // A user, unless it says what it is.
    const std::string& subject = arguments_.words[0];
    const bool is_name = subject.starts_with("users/") || subject.starts_with("groups/");
    request.set_subject(is_name ? subject : absl::StrCat("users/", subject));
    request.set_action(arguments_.words[1]);
    if (arguments_.words.size() > 2) request.set_repository(arguments_.words[2]);
    v1::ExplainResponse explained;
    if (absl::Status status = client_.Call("Explain", request, explained); !status.ok()) {
      return status;
    }
    if (arguments_.json) return PrintJson(explained);
    Print(absl::StrCat(explained.reason(), "\n\n"));
    Table table({"ASKS", "ALLOWED", "BINDING", "ROLE", "NEAREST MISS"});
    for (const v1::ExplainResponse::Check& check : explained.checks()) {
      const std::string verb = v1::Verb_Name(check.action().verb());
      const std::string resource = v1::Resource_Name(check.action().resource());
      table.Add({absl::StrCat(verb.substr(verb.find('_') + 1), " ",
                              absl::AsciiStrToLower(resource.substr(resource.find('_') + 1))),
                 TextOf(check, "allowed"), TextOf(check, "role_binding"), TextOf(check, "role"),
                 TextOf(check, "nearest_miss")});
    }
    Print(table.ToString());
    return absl::OkStatus();
  }

  absl::Status Reload() {
    v1::ReloadFilesResponse reloaded;
    absl::Status status = client_.Call("ReloadFiles", v1::ReloadFilesRequest(), reloaded);
    if (!status.ok()) return status;
    if (arguments_.json) return PrintJson(reloaded);
    for (const std::string& warning : reloaded.warnings()) {
      cli_.errors << "warning: " << warning << "\n";
    }
    Print(absl::StrCat("reloaded: the policy has revision ", reloaded.revision(), "\n"));
    return absl::OkStatus();
  }

  absl::Status Audit() {
    v1::ListAuditEventsResponse all;
    v1::ListAuditEventsRequest request;
    do {
      request.set_page_size(arguments_.limit - all.audit_events_size());
      v1::ListAuditEventsResponse page;
      absl::Status status = client_.Call("ListAuditEvents", request, page);
      if (!status.ok()) return status;
      request.set_page_token(page.next_page_token());
      page.clear_next_page_token();
      all.MergeFrom(page);
    } while (!request.page_token().empty() && all.audit_events_size() < arguments_.limit);
    if (arguments_.json) return PrintJson(all);
    Table table({"TIME", "WHO", "FROM", "METHOD", "RESOURCE", "DETAIL"});
    for (const v1::AuditEvent& event : all.audit_events()) {
      table.Add({TextOf(event, "time"), TextOf(event, "principal"), TextOf(event, "peer"),
                 TextOf(event, "method"), event.resource().empty() ? "-" : event.resource(),
                 TextOf(event, "detail")});
    }
    Print(table.ToString());
    return absl::OkStatus();
  }

  const Cli& cli_;
  const AdminArguments& arguments_;
  Client& client_;
};

}  // namespace

int RunAdmin(const Cli& cli, absl::Span<const char* const> args) {
  const auto fail = [&](int code, const absl::Status& status) {
    cli.errors << kProgramName << ": " << status.message() << std::endl;
    return code;
  };
  const absl::StatusOr<AdminArguments> arguments = ParseAdminArguments(args, cli.environment);
  if (!arguments.ok()) return fail(kExitUsage, arguments.status());
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Create(arguments->target);
  if (!client.ok()) return fail(kExitFailed, client.status());
  if (absl::Status status = Run(cli, *arguments, **client).Execute(); !status.ok()) {
    return fail(kExitFailed, status);
  }
  cli.output << std::flush;
  if (cli.output.good()) return kExitOk;
  return fail(kExitFailed, absl::UnavailableError("cannot write to standard output"));
}

}  // namespace registry::app::admin
