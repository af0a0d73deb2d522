#include "base/http/message.h"

#include <boost/url/encode.hpp>
#include <boost/url/pct_string_view.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace registry::http {
namespace {

namespace urls = boost::urls;

boost::beast::string_view ToBoost(absl::string_view text) { return {text.data(), text.size()}; }

}  // namespace

absl::string_view Request::method() const {
  const auto text = head.method_string();
  return {text.data(), text.size()};
}

absl::string_view Request::Header(absl::string_view name) const {
  const auto it = head.find(ToBoost(name));
  if (it == head.end()) return {};
  return {it->value().data(), it->value().size()};
}

std::vector<absl::string_view> Request::HeaderLines(absl::string_view name) const {
  std::vector<absl::string_view> values;
  const auto lines = head.equal_range(ToBoost(name));
  for (auto line = lines.first; line != lines.second; ++line) {
    values.emplace_back(line->value().data(), line->value().size());
  }
  return values;
}

bool Request::HasHeader(absl::string_view name) const {
  return head.find(ToBoost(name)) != head.end();
}

bool Request::IfNoneMatchHas(absl::string_view etag) const {
  for (const std::string& listed : EntityTags("If-None-Match")) {
    absl::string_view tag = listed;
    absl::ConsumePrefix(&tag, "W/");
    if (tag == "*" || tag == etag) return true;
  }
  return false;
}

std::vector<std::string> Request::EntityTags(absl::string_view header) const {
  std::vector<std::string> tags;
  for (const absl::string_view line : HeaderLines(header)) {
    for (const absl::string_view tag : absl::StrSplit(line, ',')) {
      const absl::string_view stripped = absl::StripAsciiWhitespace(tag);
      if (!stripped.empty()) tags.emplace_back(stripped);
    }
  }
  return tags;
}

std::optional<std::string> Request::QueryParameter(absl::string_view name) const {
  std::vector<std::string> values = QueryParameters(name);
  if (values.empty()) return std::nullopt;
  return std::move(values.front());
}

std::vector<std::string> Request::QueryParameters(absl::string_view name) const {
  return FormValues(query, name);
}

std::vector<std::string> FormValues(absl::string_view form, absl::string_view name) {
  std::vector<std::string> values;
  for (absl::string_view item : absl::StrSplit(form, '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(item, absl::MaxSplits('=', 1));
    if (PercentDecode(pair.first, true) != name) continue;
    // Keep an invalid percent-encoding as it is: the parser of the value reports it.
    values.push_back(PercentDecode(pair.second, true).value_or(std::string(pair.second)));
  }
  return values;
}

std::optional<std::string> PercentDecode(absl::string_view text, bool plus_is_space) {
  const auto encoded = urls::make_pct_string_view({text.data(), text.size()});
  if (encoded.has_error()) return std::nullopt;
  return encoded->decode(urls::encoding_opts(plus_is_space));
}

std::string PercentEncode(absl::string_view text) {
  return urls::encode({text.data(), text.size()}, urls::unreserved_chars);
}

ResponseHead& ResponseHead::Set(absl::string_view name, absl::string_view value) {
  headers.emplace_back(std::string(name), std::string(value));
  return *this;
}

}  // namespace registry::http
