// Manifests. The input's first line is the Content-Type, the rest is the body.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "oci/manifest.h"
#include "tests/fuzz/check.h"

namespace registry::oci {
namespace {

void CheckDescriptors(const std::vector<Descriptor>& descriptors) {
  for (const Descriptor& descriptor : descriptors) {
    FUZZ_CHECK(Digest::Parse(descriptor.digest.ToString()).ok());
    FUZZ_CHECK(descriptor.size_bytes >= 0);
  }
}

void CheckSame(const std::vector<Descriptor>& a, const std::vector<Descriptor>& b) {
  FUZZ_CHECK(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    FUZZ_CHECK(a[i].media_type == b[i].media_type && a[i].digest == b[i].digest);
    FUZZ_CHECK(a[i].size_bytes == b[i].size_bytes && a[i].foreign == b[i].foreign);
  }
}

void CheckManifest(absl::string_view content_type, absl::string_view content) {
  const absl::StatusOr<Manifest> manifest = ParseManifest(content_type, content);
  if (!manifest.ok()) {
    return fuzz::CheckClientError(manifest.status(), ErrorCode::kManifestInvalid);
  }
  FUZZ_CHECK(!manifest->media_type.empty());
  FUZZ_CHECK(content_type.empty() || manifest->media_type == content_type);
  CheckDescriptors(manifest->blobs);
  CheckDescriptors(manifest->children);
  FUZZ_CHECK(base::IsUtf8Text(manifest->annotations));
  FUZZ_CHECK(!manifest->subject || Digest::Parse(manifest->subject->ToString()).ok());

  // White space around a document has no meaning, nor does repeating its media type.
  const absl::StatusOr<Manifest> again =
      ParseManifest(manifest->media_type, absl::StrCat("\n ", content, "\t\r\n"));
  FUZZ_CHECK(again.ok() && again->media_type == manifest->media_type);
  FUZZ_CHECK(again->artifact_type == manifest->artifact_type);
  FUZZ_CHECK(again->annotations == manifest->annotations);
  FUZZ_CHECK(again->subject == manifest->subject);
  CheckSame(again->blobs, manifest->blobs);
  CheckSame(again->children, manifest->children);
}

}  // namespace
}  // namespace registry::oci

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  absl::string_view content = registry::fuzz::ToText(data, size);
  const absl::string_view content_type = registry::fuzz::TakeLine(content);
  registry::oci::CheckManifest(content_type, content);
  return 0;
}
