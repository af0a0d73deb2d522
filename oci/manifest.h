// What the registry needs to know of a manifest: its media type and what it references.
//
// The bytes are stored as they came; parsing only reads. Thread-safe.
// Sources: image-spec manifest.md, image-index.md; Docker image manifest version 2, schema 2.
#ifndef REGISTRY_OCI_MANIFEST_H_
#define REGISTRY_OCI_MANIFEST_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/digest.h"

namespace registry::oci {

inline constexpr absl::string_view kMediaTypeImageManifest =
    "application/vnd.oci.image.manifest.v1+json";
inline constexpr absl::string_view kMediaTypeImageIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr absl::string_view kMediaTypeDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr absl::string_view kMediaTypeDockerManifestList =
    "application/vnd.docker.distribution.manifest.list.v2+json";

struct Descriptor {
  std::string media_type;
  Digest digest;
  int64_t size_bytes;
  // A layer that its publisher keeps elsewhere ("foreign", "nondistributable", or with `urls`): it
  // need not be in this registry.
  bool foreign;
};

struct Manifest {
  std::string media_type;
  // The config and the layers of an image; the blobs of any other artifact.
  std::vector<Descriptor> blobs;
  // The manifests of an index. BuildKit's cache indexes list blobs here.
  std::vector<Descriptor> children;
  // The manifest that this one is about (referrers).
  std::optional<Digest> subject;
  // `artifactType`, else the config's media type.
  std::string artifact_type;
  // The JSON object `annotations`, only its members that are strings; empty when there are none.
  std::string annotations;
};

// `content_type` is the Content-Type header without parameters, possibly empty; the body's own
// `mediaType` must agree with it when both are there.
// Errors: MANIFEST_INVALID that names the field.
absl::StatusOr<Manifest> ParseManifest(absl::string_view content_type, absl::string_view content);

}  // namespace registry::oci

#endif  // REGISTRY_OCI_MANIFEST_H_
