#include "oci/manifest.h"

#include <algorithm>
#include <boost/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/quote.h"
#include "oci/error.h"

namespace registry::oci {
namespace {

namespace json = boost::json;

absl::Status Invalid(absl::string_view why) {
  return MakeError(ErrorCode::kManifestInvalid, absl::StrCat("invalid manifest: ", why));
}

// The string at `key`; nullptr if absent. Sets `error` if the value is not a string.
const json::string* OptionalString(const json::object& object, absl::string_view key,
                                   absl::Status& error) {
  const json::value* value = object.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr || value->is_null()) return nullptr;
  if (!value->is_string()) {
    error = Invalid(absl::StrCat(base::Quote(key), " must be a string"));
    return nullptr;
  }
  return &value->get_string();
}

std::string ToStdString(const json::string* text) {
  return text == nullptr ? std::string() : std::string(text->data(), text->size());
}

absl::StatusOr<Descriptor> ParseDescriptor(const json::value& value, absl::string_view where) {
  if (!value.is_object()) return Invalid(absl::StrCat(where, " must be an object"));
  const json::object& object = value.get_object();
  absl::Status error;
  const json::string* media_type = OptionalString(object, "mediaType", error);
  if (!error.ok()) return error;
  const json::string* digest_text = OptionalString(object, "digest", error);
  if (!error.ok()) return error;
  if (digest_text == nullptr) return Invalid(absl::StrCat(where, " has no \"digest\""));
  absl::StatusOr<Digest> digest = Digest::Parse(ToStdString(digest_text));
  if (!digest.ok()) {
    return MakeError(ErrorCode::kManifestInvalid,
                     absl::StrCat("invalid manifest: ", where, ": ", digest.status().message()));
  }
  const json::value* size = object.if_contains("size");
  if (size == nullptr || !size->is_int64() || size->get_int64() < 0) {
    return Invalid(absl::StrCat(where, " needs a \"size\": a number of bytes, 0 or more"));
  }
  const json::value* urls = object.if_contains("urls");
  std::string media_type_text = ToStdString(media_type);
  const bool foreign = (urls != nullptr && urls->is_array() && !urls->get_array().empty()) ||
                       absl::StrContains(media_type_text, ".foreign.") ||
                       absl::StrContains(media_type_text, ".nondistributable.");
  return Descriptor{std::move(media_type_text), *std::move(digest), size->get_int64(), foreign};
}

// Appends the descriptors of the array at `key`, if there is one.
absl::Status AppendDescriptors(const json::object& object, absl::string_view key,
                               std::vector<Descriptor>& out) {
  const json::value* value = object.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr || value->is_null()) return absl::OkStatus();
  if (!value->is_array()) return Invalid(absl::StrCat(base::Quote(key), " must be an array"));
  size_t index = 0;
  for (const json::value& item : value->get_array()) {
    absl::StatusOr<Descriptor> descriptor =
        ParseDescriptor(item, absl::StrCat(key, "[", index++, "]"));
    if (!descriptor.ok()) return descriptor.status();
    out.push_back(*std::move(descriptor));
  }
  return absl::OkStatus();
}

constexpr size_t kMaxMediaTypeBytes = 255;

// `type/subtype` (RFC 6838, 4.2).
bool IsMediaType(absl::string_view text) {
  const auto is_name = [](absl::string_view name) {
    return !name.empty() && absl::ascii_isalnum(static_cast<unsigned char>(name[0])) &&
           std::all_of(name.begin(), name.end(), [](char c) {
             return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                    absl::string_view("!#$&-^_.+").find(c) != absl::string_view::npos;
           });
  };
  const size_t slash = text.find('/');
  return slash != absl::string_view::npos && text.size() <= kMaxMediaTypeBytes &&
         is_name(text.substr(0, slash)) && is_name(text.substr(slash + 1));
}

absl::Status CheckMediaType(absl::string_view content_type, const json::object& object,
                            Manifest& manifest) {
  absl::Status error;
  const std::string in_body = ToStdString(OptionalString(object, "mediaType", error));
  if (!error.ok()) return error;
  if (!content_type.empty() && !in_body.empty() && content_type != in_body) {
    return Invalid(absl::StrCat("its mediaType ", base::Quote(in_body),
                                " differs from the request's Content-Type ",
                                base::Quote(content_type)));
  }
  manifest.media_type = content_type.empty() ? in_body : std::string(content_type);
  if (manifest.media_type.empty()) {
    manifest.media_type =
        std::string(object.contains("manifests") ? kMediaTypeImageIndex : kMediaTypeImageManifest);
  }
  if (!IsMediaType(manifest.media_type)) {
    return Invalid(
        absl::StrCat("its media type ", base::Quote(manifest.media_type), " is not TYPE/SUBTYPE"));
  }
  return absl::OkStatus();
}

// Rejects manifests that one client would read as an image and another as an index
// (GHSA-mc8v-mgrf-8f4m).
absl::Status CheckUnambiguous(absl::string_view media_type, const json::object& object) {
  const bool index =
      media_type == kMediaTypeImageIndex || media_type == kMediaTypeDockerManifestList;
  const bool image =
      media_type == kMediaTypeImageManifest || media_type == kMediaTypeDockerManifest;
  for (const char* key : {"manifests", "config", "layers"}) {
    const bool of_index = absl::string_view(key) == "manifests";
    const json::value* value = object.if_contains(key);
    if ((of_index ? image : index) && value != nullptr && !value->is_null()) {
      return Invalid(
          absl::StrCat("a ", base::Quote(media_type), " must not have ", base::Quote(key)));
    }
  }
  return absl::OkStatus();
}

// Images and indexes must say 2; other artifacts may omit it.
absl::Status CheckSchemaVersion(absl::string_view media_type, const json::object& object) {
  const json::value* version = object.if_contains("schemaVersion");
  const bool required =
      media_type == kMediaTypeImageManifest || media_type == kMediaTypeImageIndex ||
      media_type == kMediaTypeDockerManifest || media_type == kMediaTypeDockerManifestList;
  if (version == nullptr && !required) return absl::OkStatus();
  if (version == nullptr || !version->is_int64() || version->get_int64() != 2) {
    return Invalid("\"schemaVersion\" must be 2");
  }
  return absl::OkStatus();
}

absl::Status ParseReferences(const json::object& object, Manifest& manifest) {
  if (const json::value* config = object.if_contains("config");
      config != nullptr && !config->is_null()) {
    absl::StatusOr<Descriptor> descriptor = ParseDescriptor(*config, "config");
    if (!descriptor.ok()) return descriptor.status();
    manifest.artifact_type = descriptor->media_type;
    if (manifest.artifact_type.size() > kMaxMediaTypeBytes) {
      return Invalid(
          absl::StrCat("its config's mediaType has more than ", kMaxMediaTypeBytes, " bytes"));
    }
    manifest.blobs.push_back(*std::move(descriptor));
  }
  for (const char* key : {"layers", "blobs"}) {
    if (absl::Status status = AppendDescriptors(object, key, manifest.blobs); !status.ok()) {
      return status;
    }
  }
  if (absl::Status status = AppendDescriptors(object, "manifests", manifest.children);
      !status.ok()) {
    return status;
  }
  if (const json::value* subject = object.if_contains("subject");
      subject != nullptr && !subject->is_null()) {
    absl::StatusOr<Descriptor> descriptor = ParseDescriptor(*subject, "subject");
    if (!descriptor.ok()) return descriptor.status();
    manifest.subject = descriptor->digest;
  }
  absl::Status error;
  if (const json::string* type = OptionalString(object, "artifactType", error);
      type != nullptr && !type->empty()) {
    manifest.artifact_type = ToStdString(type);
    if (!IsMediaType(manifest.artifact_type)) {
      return Invalid(absl::StrCat("its artifactType ", base::Quote(manifest.artifact_type),
                                  " is not TYPE/SUBTYPE"));
    }
  }
  return error;
}

std::string ParseAnnotations(const json::object& object) {
  const json::value* value = object.if_contains("annotations");
  if (value == nullptr || !value->is_object()) return "";
  json::object annotations;
  for (const auto& [key, text] : value->get_object()) {
    if (text.is_string()) annotations[key] = text;
  }
  return annotations.empty() ? "" : json::serialize(annotations);
}

}  // namespace

absl::StatusOr<Manifest> ParseManifest(absl::string_view content_type, absl::string_view content) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = base::kMaxJsonDepth;
  json::monotonic_resource memory;
  const json::value value =
      json::parse(json::string_view(content.data(), content.size()), error, &memory, options);
  if (error == json::error::too_deep) {
    return Invalid(absl::StrCat("JSON nested deeper than ", base::kMaxJsonDepth, " levels"));
  }
  if (error) return Invalid(absl::StrCat("not JSON (", error.message(), ")"));
  if (!value.is_object()) return Invalid("not a JSON object");
  const json::object& object = value.get_object();

  Manifest manifest;
  if (absl::Status status = CheckMediaType(content_type, object, manifest); !status.ok()) {
    return status;
  }
  if (absl::Status status = CheckSchemaVersion(manifest.media_type, object); !status.ok()) {
    return status;
  }
  if (absl::Status status = CheckUnambiguous(manifest.media_type, object); !status.ok()) {
    return status;
  }
  if (absl::Status status = ParseReferences(object, manifest); !status.ok()) return status;
  manifest.annotations = ParseAnnotations(object);
  return manifest;
}

}  // namespace registry::oci
