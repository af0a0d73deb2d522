#include "app/admin/message_fields.h"

#include <google/protobuf/reflection.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "app/config/values.h"
#include "base/quote.h"
#include "registry/v1/admin.pb.h"

namespace registry::app::admin {
namespace {

namespace pb = google::protobuf;

const pb::FieldDescriptor& FieldOf(const pb::Message& message, absl::string_view name) {
  return *message.GetDescriptor()->FindFieldByName(std::string(name));
}

absl::Status Wrong(const FieldFlag& flag, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("-", flag.flag, ": ", what));
}

// The prefix of an enum's value names: "VERB_".
std::string PrefixOf(const pb::EnumDescriptor& type) {
  return absl::StrCat(absl::AsciiStrToUpper(type.name()), "_");
}

std::vector<std::string> Split(const FieldFlag& flag, const std::vector<std::string>& values) {
  if (!flag.is_list) return values;
  std::vector<std::string> texts;
  for (const std::string& value : values) {
    for (const absl::string_view text : absl::StrSplit(value, ',', absl::SkipWhitespace())) {
      texts.emplace_back(absl::StripAsciiWhitespace(text));
    }
  }
  return texts;
}

// Expands "devs" to "groups/devs". Subjects may be groups too, so "groups/devs" stays as it is.
std::string ResourceName(const FieldFlag& flag, const std::string& text) {
  if (flag.collection.empty() || absl::StartsWith(text, absl::StrCat(flag.collection, "/")) ||
      (flag.field == "subjects" && absl::StartsWith(text, "groups/"))) {
    return text;
  }
  return absl::StrCat(flag.collection, "/", text);
}

// Edits a repeated field of Ts by `items`. The field holds each item at most once.
template <class T>
void EditItems(const pb::FieldDescriptor& field, Edit edit, const std::vector<T>& items,
               pb::Message& message) {
  const pb::Reflection& reflection = *message.GetReflection();
  std::vector<T> kept;
  if (edit != Edit::kSet) {
    const auto current = reflection.GetRepeatedFieldRef<T>(message, &field);
    kept.assign(current.begin(), current.end());
  }
  for (const T& item : items) {
    std::erase(kept, item);
    if (edit != Edit::kRemove) kept.push_back(item);
  }
  auto items_now = reflection.GetMutableRepeatedFieldRef<T>(&message, &field);
  items_now.Clear();
  for (const T& item : kept) items_now.Add(item);
}

absl::StatusOr<std::vector<int32_t>> ParseEnums(const FieldFlag& flag,
                                                const pb::EnumDescriptor& type,
                                                const std::vector<std::string>& texts) {
  // The first one is UNSPECIFIED.
  std::vector<int32_t> all;
  std::vector<std::string> names;
  for (int i = 1; i < type.value_count(); ++i) {
    all.push_back(type.value(i)->number());
    names.emplace_back(absl::StripPrefix(type.value(i)->name(), PrefixOf(type)));
  }
  std::vector<int32_t> numbers;
  for (const std::string& text : texts) {
    const auto found = std::find(names.begin(), names.end(), absl::AsciiStrToUpper(text));
    if (text == "*") {
      numbers = all;
    } else if (found != names.end()) {
      numbers.push_back(all[found - names.begin()]);
    } else {
      return Wrong(flag, absl::StrCat(base::Quote(text), " is unknown; write *, or any of ",
                                      absl::StrJoin(names, ", ")));
    }
  }
  return numbers;
}

absl::Status EditRepeated(const FieldFlag& flag, const pb::FieldDescriptor& field, Edit edit,
                          const std::vector<std::string>& values, pb::Message& message) {
  std::vector<std::string> texts = Split(flag, values);
  if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_ENUM) {
    const absl::StatusOr<std::vector<int32_t>> numbers =
        ParseEnums(flag, *field.enum_type(), texts);
    if (!numbers.ok()) return numbers.status();
    EditItems(field, edit, *numbers, message);
    return absl::OkStatus();
  }
  for (std::string& text : texts) text = ResourceName(flag, text);
  EditItems(field, edit, texts, message);
  return absl::OkStatus();
}

// "30d" means 30 days from now; also takes an RFC 3339 time, or "never".
absl::Status SetTime(const FieldFlag& flag, const pb::FieldDescriptor& field,
                     const std::string& value, pb::Message& message) {
  const pb::Reflection& reflection = *message.GetReflection();
  if (value == "never") {
    reflection.ClearField(&message, &field);
    return absl::OkStatus();
  }
  std::optional<int64_t> time_ms = ParseRfc3339(value);
  if (const auto duration = ParseDuration(value); duration.has_value()) {
    time_ms = absl::ToUnixMillis(absl::Now() + absl::FromChrono(*duration));
  }
  if (!time_ms.has_value()) {
    return Wrong(flag, absl::StrCat(base::Quote(value),
                                    " is neither a duration such as 30d or 12h, nor a time such as "
                                    "2027-01-31T12:00:00Z, nor never"));
  }
  // Whole seconds are easier to read.
  const pb::Timestamp timestamp = pb::util::TimeUtil::SecondsToTimestamp(*time_ms / 1000);
  reflection.MutableMessage(&message, &field)->CopyFrom(timestamp);
  return absl::OkStatus();
}

std::string TextOfEnums(const pb::Message& message, const pb::FieldDescriptor& field) {
  const pb::EnumDescriptor& type = *field.enum_type();
  const auto numbers = message.GetReflection()->GetRepeatedFieldRef<int32_t>(message, &field);
  if (numbers.size() == type.value_count() - 1) return "*";
  std::vector<std::string> names;
  for (const int number : numbers) {
    const pb::EnumValueDescriptor* value = type.FindValueByNumber(number);
    if (value == nullptr) {
      // From a newer registry.
      names.push_back(absl::StrCat(number));
      continue;
    }
    names.emplace_back(absl::StripPrefix(value->name(), PrefixOf(type)));
    if (type.name() == "Resource") names.back() = absl::AsciiStrToLower(names.back());
  }
  return absl::StrJoin(names, ", ");
}

// Removes "users/" and the like if the field names only one kind of resource.
std::string ShortName(const pb::FieldDescriptor& field, const std::string& name) {
  constexpr absl::string_view kNames[] = {"name", "groups", "members",
                                          "role", "user",   "role_binding"};
  if (std::find(std::begin(kNames), std::end(kNames), field.name()) == std::end(kNames)) {
    return name;
  }
  for (const ResourceType& type : ResourceTypes()) {
    const std::string prefix = absl::StrCat(type.collection, "/");
    if (absl::StartsWith(name, prefix)) return name.substr(prefix.size());
  }
  return name;
}

}  // namespace

std::unique_ptr<pb::Message> NewMessage(absl::string_view name) {
  // Registers the file's messages, in case nothing else has used them yet.
  const pb::Descriptor* type =
      v1::User::descriptor()->file()->FindMessageTypeByName(std::string(name));
  return std::unique_ptr<pb::Message>(
      pb::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

absl::Status EditField(const FieldFlag& flag, Edit edit, const std::vector<std::string>& values,
                       pb::Message& message) {
  const pb::FieldDescriptor& field = FieldOf(message, flag.field);
  if (field.is_repeated()) return EditRepeated(flag, field, edit, values, message);
  if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
    return SetTime(flag, field, values.front(), message);
  }
  message.GetReflection()->SetString(&message, &field, ResourceName(flag, values.front()));
  return absl::OkStatus();
}

std::string TextOf(const pb::Message& message, absl::string_view name) {
  const pb::FieldDescriptor& field = FieldOf(message, name);
  const pb::Reflection& reflection = *message.GetReflection();
  std::string text;
  if (field.is_repeated() && field.cpp_type() == pb::FieldDescriptor::CPPTYPE_ENUM) {
    text = TextOfEnums(message, field);
  } else if (field.is_repeated()) {
    std::vector<std::string> texts;
    for (const std::string& item : reflection.GetRepeatedFieldRef<std::string>(message, &field)) {
      texts.push_back(item.empty() ? "\"\"" : ShortName(field, item));
    }
    text = absl::StrJoin(texts, ", ");
  } else if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_BOOL) {
    text = reflection.GetBool(message, &field) ? "yes" : "no";
  } else if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
    if (reflection.HasField(message, &field)) {
      pb::Timestamp time;
      time.CopyFrom(reflection.GetMessage(message, &field));
      text = pb::util::TimeUtil::ToString(time);
    }
  } else {
    text = ShortName(field, reflection.GetString(message, &field));
  }
  return text.empty() ? "-" : text;
}

}  // namespace registry::app::admin
