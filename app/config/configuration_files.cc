#include "app/config/configuration_files.h"

#include <re2/re2.h>

#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "app/config/files.h"
#include "app/config/yaml_fields.h"
#include "base/http/public_url.h"
#include "base/limits.h"
#include "base/quote.h"
#include "controlplane/access/tokens.h"
#include "controlplane/policy/objects.h"
#include "controlplane/sql/postgres/engine.h"

namespace registry::app {
namespace {

// Sets a field of the configuration, unless it already has another value.
template <typename T>
void Set(const YamlValue& value, std::optional<T> read, std::optional<T>& field,
         Configuration& configuration) {
  if (!read.has_value()) return;
  const auto [place, is_new] =
      configuration.places.try_emplace(value.field(), value.place().ToString());
  if (!is_new && field != read) {
    value.Error(absl::StrCat("already has another value, in ", place->second, "; remove one"));
    return;
  }
  field = std::move(read);
}

void ReadAddress(const YamlValue& value, Configuration& configuration) {
  const std::optional<std::string> text = ReadOptionalText(value);
  if (!text.has_value()) return;
  absl::StatusOr<HostPort> address = HostPort::Parse(*text);
  if (!address.ok()) {
    return value.Error(
        absl::StrCat("invalid address ", base::Quote(*text), ": ", address.status().message()));
  }
  Set(value, std::optional(*std::move(address)), configuration.addr, configuration);
}

void ReadDatabase(const YamlValue& value, Configuration& configuration) {
  std::optional<std::string> url = ReadOptionalText(value);
  if (!url.has_value()) return;
  if (absl::Status status = controlplane::CheckDatabaseUrl(*url); !status.ok()) {
    return value.Error(status.message());
  }
  Set(value, std::move(url), configuration.database, configuration);
}

void ReadPublicUrl(const YamlValue& value, Configuration& configuration) {
  const std::optional<std::string> text = ReadOptionalText(value);
  if (!text.has_value()) return;
  absl::StatusOr<std::string> url = http::ParsePublicUrl(*text);
  if (!url.ok()) return value.Error(url.status().message());
  Set(value, std::optional(*std::move(url)), configuration.public_url, configuration);
}

// Returns true for http(s)://HOST[:PORT][/PATH] without a user, a query or a fragment.
bool IsUpstreamUrl(const std::string& url) {
  static const re2::RE2* const form = new re2::RE2(
      R"(https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/[A-Za-z0-9._~/-]*)?)");
  return re2::RE2::FullMatch(url, *form);
}

}  // namespace

bool SameSettings(const Configuration& a, const Configuration& b) {
  const auto settings = [](const Configuration& c) {
    return std::tie(c.data_dir, c.database, c.addr, c.public_url, c.token_secret, c.token_timeout,
                    c.ui, c.cert_file, c.key_file, c.shutdown_delay, c.drain_timeout, c.sparse,
                    c.upload_limit, c.upload_limit_user, c.client_connections, c.client_requests,
                    c.user_requests);
  };
  return settings(a) == settings(b);
}

std::string HalfCertificate(const Configuration& configuration) {
  if (configuration.cert_file.has_value() == configuration.key_file.has_value()) return "";
  const bool has_key = configuration.key_file.has_value();
  const std::string field = has_key ? "spec.web.keyfile" : "spec.web.certfile";
  const absl::string_view other = has_key ? "certfile" : "keyfile";
  return absl::StrCat(configuration.places.at(field), ": ", field, ": needs ", other,
                      " too, here or as the flag -", other);
}

void ReadConfiguration(const YamlValue& spec, Configuration& configuration) {
  if (!spec.IsMapOf({"dataDir", "database", "web", "registry"})) return;
  const auto set_text = [&](const YamlValue& value, std::optional<std::string>& field) {
    Set(value, ReadOptionalText(value), field, configuration);
  };
  set_text(spec.Field("dataDir"), configuration.data_dir);
  ReadDatabase(spec.Field("database"), configuration);

  const YamlValue web = spec.Field("web");
  if (web.IsMapOf({"addr", "publicUrl", "tokenSecret", "tokenTimeout", "ui", "certfile", "keyfile",
                   "shutdownDelay", "drainTimeout", "clientConnections", "clientRequests",
                   "userRequests"})) {
    ReadAddress(web.Field("addr"), configuration);
    ReadPublicUrl(web.Field("publicUrl"), configuration);
    const YamlValue secret = web.Field("tokenSecret");
    set_text(secret, configuration.token_secret);
    if (const auto text = ReadOptionalText(secret);
        text && text->size() < controlplane::kMinTokenValueBytes) {
      // With any token, an attacker can try secrets offline until one yields its signature.
      secret.Warning(
          absl::StrCat("is shorter than ", controlplane::kMinTokenValueBytes,
                       " bytes and can be guessed; generate one with openssl rand -hex 32"));
    }
    const YamlValue timeout = web.Field("tokenTimeout");
    std::optional<std::chrono::seconds> seconds = ReadDuration(timeout);
    // 0 means the default, as in the Go original.
    if (seconds == std::chrono::seconds(0)) seconds = std::nullopt;
    if (seconds.has_value() && *seconds < controlplane::kMinTokenLifetime) {
      seconds = controlplane::kMinTokenLifetime;
      timeout.Warning(absl::StrCat("is raised to ", controlplane::kMinTokenLifetime.count(),
                                   " seconds, the least that clients expect"));
    }
    Set(timeout, seconds, configuration.token_timeout, configuration);
    const YamlValue ui = web.Field("ui");
    Set(ui, ui.Boolean(), configuration.ui, configuration);
    const auto set_limit = [&](const char* name, std::optional<int>& field) {
      Set(web.Field(name), ReadLimit(web.Field(name)), field, configuration);
    };
    set_limit("clientConnections", configuration.client_connections);
    set_limit("clientRequests", configuration.client_requests);
    set_limit("userRequests", configuration.user_requests);
    set_text(web.Field("certfile"), configuration.cert_file);
    set_text(web.Field("keyfile"), configuration.key_file);
    const auto set_time = [&](const YamlValue& value, std::optional<std::chrono::seconds>& field) {
      const std::optional<std::chrono::seconds> time = ReadDuration(value);
      if (time > base::kMaxShutdownTime) return value.Error("is too long; the maximum is 24h");
      Set(value, time, field, configuration);
    };
    set_time(web.Field("shutdownDelay"), configuration.shutdown_delay);
    set_time(web.Field("drainTimeout"), configuration.drain_timeout);
  }

  const YamlValue registry = spec.Field("registry");
  if (registry.IsMapOf({"sparse", "uploadLimit", "uploadLimitUser"})) {
    const YamlValue sparse = registry.Field("sparse");
    std::optional<std::string> text = ReadOptionalText(sparse);
    if (text.has_value() && CheckRegex(sparse, *text)) {
      Set(sparse, std::move(text), configuration.sparse, configuration);
    }
    const YamlValue limit = registry.Field("uploadLimit");
    Set(limit, ReadByteSize(limit), configuration.upload_limit, configuration);
    const YamlValue limit_user = registry.Field("uploadLimitUser");
    Set(limit_user, ReadByteSize(limit_user), configuration.upload_limit_user, configuration);
  }
}

PullThroughCache ReadPullThroughCache(const std::string& name, const YamlValue& spec) {
  PullThroughCache cache;
  cache.name = name;
  if (!spec.IsMapOf({"upstream", "scopes"})) return cache;
  const YamlValue upstream = spec.Required("upstream");
  if (upstream.IsMapOf({"url", "timeout", "username", "password", "passwordFile", "ttl"})) {
    const YamlValue url = upstream.Required("url");
    cache.url = url.Text().value_or("");
    if (url.present() && !IsUpstreamUrl(cache.url)) {
      // Do not show it: it may contain a password.
      url.Error("is not a registry address; write http(s)://HOST[:PORT], without a user");
    }
    cache.timeout = ReadDuration(upstream.Field("timeout"));
    cache.ttl = ReadDuration(upstream.Field("ttl"));
    cache.username = upstream.Field("username").Text().value_or("");
    const YamlValue password = upstream.Field("password");
    const YamlValue password_file = upstream.Field("passwordFile");
    cache.password = password.Text().value_or("");
    cache.password_file = password_file.Text().value_or("");
    // The Go original accepts both together, too.
    if (!cache.password.empty() && !cache.password_file.empty()) {
      password.Warning("has no effect together with passwordFile");
      cache.password.clear();
    }
    for (const YamlValue& secret : {password, password_file}) {
      if (secret.present() && cache.username.empty()) {
        secret.Warning("has no effect without a username");
      }
    }
  }
  cache.scopes = ReadScopes(Items(spec.Required("scopes"), "so nothing is cached"));
  return cache;
}

}  // namespace registry::app
