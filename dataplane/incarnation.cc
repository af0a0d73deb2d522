#include "dataplane/incarnation.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/hash.h"
#include "base/quote.h"

namespace registry::dataplane {

std::string BlobFolder(int index) { return absl::StrFormat("%s/%02x", kBlobsFolder, index); }

absl::StatusOr<Incarnation> Incarnation::Parse(absl::string_view text) {
  if (!base::IsUuid(text)) {
    return absl::InvalidArgumentError(absl::StrCat("invalid incarnation ", base::Quote(text),
                                                   ": it must be a UUID in lower-case digits"));
  }
  return Incarnation(text);
}

std::string Incarnation::UploadPath() const { return absl::StrCat(kUploadsFolder, "/", text_); }

std::string Incarnation::FinishedFolder() const {
  return absl::StrCat(kBlobsFolder, "/", absl::string_view(text_).substr(text_.size() - 2));
}

std::string Incarnation::FinishedPath(const oci::Digest& digest) const {
  return absl::StrCat(FinishedFolder(), "/", text_, "~", digest.algorithm_name(), "~",
                      digest.hex());
}

std::optional<oci::Digest> Incarnation::ParseFinishedName(absl::string_view name) const {
  if (!absl::ConsumePrefix(&name, text_) || !absl::ConsumePrefix(&name, "~")) return std::nullopt;
  const size_t tilde = name.find('~');
  if (tilde == absl::string_view::npos) return std::nullopt;
  absl::StatusOr<oci::Digest> digest =
      oci::Digest::Parse(absl::StrCat(name.substr(0, tilde), ":", name.substr(tilde + 1)));
  if (!digest.ok()) return std::nullopt;
  return *std::move(digest);
}

}  // namespace registry::dataplane
