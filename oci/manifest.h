// Parses a manifest for what the registry needs: its media type and its references.
//
// The registry stores the bytes as received; parsing never changes them. Thread-safe.
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
  // A layer that its publisher hosts elsewhere ("foreign", "nondistributable", or with `urls`).
  // This registry need not have it.
  bool foreign;
};

struct Manifest {
  std::string media_type;
  // The config and the layers of an image; the blobs of any other artifact.
  std::vector<Descriptor> blobs;
  // The manifests of an index. BuildKit's cache indexes also list blobs here.
  std::vector<Descriptor> children;
  // The manifest that this one refers to (referrers API).
  std::optional<Digest> subject;
  // `artifactType`, else the config's media type.
  std::string artifact_type;
  // The string members of the JSON object `annotations`, as JSON; empty if there are none.
  std::string annotations;
};

// `content_type` is the Content-Type header without parameters; it may be empty. If the body has a
// `mediaType` too, both must agree.
// Error: MANIFEST_INVALID; it names the field.
absl::StatusOr<Manifest> ParseManifest(absl::string_view content_type, absl::string_view content);

}  // namespace registry::oci

#endif  // REGISTRY_OCI_MANIFEST_H_
