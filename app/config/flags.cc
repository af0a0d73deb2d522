#include "app/config/flags.h"

#include <re2/re2.h>

#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "app/config/values.h"
#include "base/http/public_url.h"
#include "base/quote.h"
#include "controlplane/policy/policy.h"
#include "controlplane/sql/postgres/engine.h"

namespace registry::app {
namespace {

constexpr FlagName kNames[] = {
    {"addr", "addr"},
    {"datadir", "datadir"},
    {"database", "database"},
    {"adminname", "adminname"},
    {"adminpwd", "adminpwd"},
    {"adminpwdfile", "adminpwdfile"},
    {"certfile", "certfile"},
    {"cert", "certfile"},
    {"keyfile", "keyfile"},
    {"key", "keyfile"},
    {"cfgdir", "cfgdir", FlagKind::kValues},
    {"tokensecret", "tokensecret"},
    {"tokensecretfile", "tokensecretfile"},
    {"tokentimeout", "tokentimeout"},
    {"ui", "ui", FlagKind::kBoolean},
    {"sparse", "sparse"},
    {"grpcaddr", "grpcaddr"},
    {"grpccertfile", "grpccertfile"},
    {"grpckeyfile", "grpckeyfile"},
    {"grpccafile", "grpccafile"},
    {"trustedproxies", "trustedproxies"},
    {"publicurl", "publicurl"},
    {"shutdowndelay", "shutdowndelay"},
    {"draintimeout", "draintimeout"},
    {"uploadlimit", "uploadlimit"},
    {"uploadlimituser", "uploadlimituser"},
    {"clientconnections", "clientconnections"},
    {"clientrequests", "clientrequests"},
    {"userrequests", "userrequests"},
};
constexpr CommandSyntax kServe = {.command = "serve", .flags = kNames};

// Flags that take any text except empty text.
struct TextFlag {
  absl::string_view flag;
  std::string ServeFlags::*field;
};
constexpr TextFlag kTexts[] = {
    {"datadir", &ServeFlags::data_dir},
    {"database", &ServeFlags::database},
    {"adminname", &ServeFlags::admin_name},
    {"adminpwd", &ServeFlags::admin_password},
    {"adminpwdfile", &ServeFlags::admin_password_file},
    {"certfile", &ServeFlags::cert_file},
    {"keyfile", &ServeFlags::key_file},
    {"tokensecret", &ServeFlags::token_secret},
    {"tokensecretfile", &ServeFlags::token_secret_file},
    {"sparse", &ServeFlags::sparse},
    {"grpccertfile", &ServeFlags::grpc_cert_file},
    {"grpckeyfile", &ServeFlags::grpc_key_file},
    {"grpccafile", &ServeFlags::grpc_ca_file},
};

// Flags whose value is a number, where 0 means no limit.
struct LimitFlag {
  absl::string_view flag;
  int ServeFlags::*field;
};
constexpr LimitFlag kLimits[] = {
    {"clientconnections", &ServeFlags::client_connections},
    {"clientrequests", &ServeFlags::client_requests},
    {"userrequests", &ServeFlags::user_requests},
};

constexpr FlagName kCheckNames[] = {{"cfgdir", "cfgdir", FlagKind::kValues}};
constexpr CommandSyntax kCheck = {.command = "check", .flags = kCheckNames};

absl::Status Wrong(absl::string_view why) { return WrongArguments(kServe, why); }

// "flag -addr: WHAT", or its variable.
absl::Status Wrong(const Settings& settings, absl::string_view flag, absl::string_view what) {
  return Wrong(absl::StrCat(settings.find(flag)->second.source, ": ", what));
}

// Two flags can give the password. If an argument gives either, it overrides both variables.
Settings Merge(Settings arguments, Settings environment) {
  if (arguments.contains("adminpwd") || arguments.contains("adminpwdfile")) {
    environment.erase("adminpwd");
    environment.erase("adminpwdfile");
  }
  arguments.merge(environment);
  return arguments;
}

absl::Status CheckExclusive(const Settings& settings, absl::string_view one,
                            absl::string_view other) {
  const auto first = settings.find(one);
  const auto second = settings.find(other);
  if (first == settings.end() || second == settings.end()) return absl::OkStatus();
  return Wrong(absl::StrCat(first->second.source, " and ", second->second.source,
                            " exclude each other: give one"));
}

absl::Status CheckCertificate(const Settings& settings) {
  const auto cert = settings.find("certfile");
  const auto key = settings.find("keyfile");
  if (cert != settings.end() && key == settings.end()) {
    return Wrong(absl::StrCat(cert->second.source, " needs the certificate's key: give -keyfile"));
  }
  if (key != settings.end() && cert == settings.end()) {
    return Wrong(absl::StrCat(key->second.source, " needs its certificate: give -certfile"));
  }
  return absl::OkStatus();
}

// Over TCP, the admin API requires mutual TLS.
absl::Status CheckAdminApi(const Settings& settings) {
  const auto address = settings.find("grpcaddr");
  for (const char* file : {"grpccertfile", "grpckeyfile", "grpccafile"}) {
    const auto found = settings.find(file);
    if (address != settings.end() && found == settings.end()) {
      return Wrong(absl::StrCat(address->second.source,
                                " needs mutual TLS: give -grpccertfile, -grpckeyfile and "
                                "-grpccafile; -",
                                file, " is missing"));
    }
    if (address == settings.end() && found != settings.end()) {
      return Wrong(
          absl::StrCat(found->second.source, " has no effect without an address: give -grpcaddr"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCombination(const Settings& settings) {
  absl::Status status = CheckExclusive(settings, "adminpwd", "adminpwdfile");
  if (status.ok() && !settings.contains("adminpwd") && !settings.contains("adminpwdfile") &&
      !settings.contains("cfgdir")) {
    status = Wrong(
        "the administrator has no password: give -adminpwdfile FILE or -adminpwd PASSWORD, or "
        "users with -cfgdir DIR");
  }
  if (status.ok()) status = CheckExclusive(settings, "tokensecret", "tokensecretfile");
  if (status.ok()) status = CheckCertificate(settings);
  if (status.ok()) status = CheckAdminApi(settings);
  return status;
}

absl::Status ReadTexts(const Settings& settings, ServeFlags& flags) {
  for (const TextFlag& text : kTexts) {
    const auto found = settings.find(text.flag);
    if (found == settings.end()) continue;
    if (found->second.value().empty()) {
      return Wrong(absl::StrCat(found->second.source, " has an empty value"));
    }
    flags.*text.field = found->second.value();
  }
  return absl::OkStatus();
}

absl::Status ReadSize(const Settings& settings, absl::string_view flag, int64_t& size) {
  const auto found = settings.find(flag);
  if (found == settings.end()) return absl::OkStatus();
  const std::optional<int64_t> read = ParseByteSize(found->second.value());
  if (!read) {
    return Wrong(settings, flag,
                 absl::StrCat(base::Quote(found->second.value()),
                              " is not a size: expected a number of bytes, or one with a suffix, "
                              "such as 500M or 20G"));
  }
  size = *read;
  return absl::OkStatus();
}

absl::Status ReadLimits(const Settings& settings, ServeFlags& flags) {
  for (const LimitFlag& limit : kLimits) {
    const auto found = settings.find(limit.flag);
    if (found == settings.end()) continue;
    const std::optional<int> value = ParseLimit(found->second.value());
    if (!value) {
      return Wrong(
          settings, limit.flag,
          absl::StrCat(base::Quote(found->second.value()), " is not a limit: give a number up to ",
                       kMaxLimit, ", or 0 for no limit"));
    }
    flags.*limit.field = *value;
  }
  return absl::OkStatus();
}

absl::StatusOr<HostPort> ReadAddress(const Settings& settings, absl::string_view flag) {
  const std::string& text = settings.find(flag)->second.value();
  absl::StatusOr<HostPort> address = HostPort::Parse(text);
  if (address.ok()) return address;
  return Wrong(
      settings, flag,
      absl::StrCat("invalid address ", base::Quote(text), ": ", address.status().message()));
}

absl::Status CheckAdminName(const Settings& settings, const std::string& name) {
  if (name == controlplane::kAnonymous) {
    return Wrong(
        settings, "adminname",
        absl::StrCat(base::Quote(name), " names clients that do not log in; choose another"));
  }
  const absl::Status status = controlplane::ValidateUserName(name);
  return status.ok() ? status : Wrong(settings, "adminname", status.message());
}

// Keeps `time` unchanged if the flag is not given.
absl::Status ReadTime(const Settings& settings, absl::string_view flag,
                      std::chrono::seconds& time) {
  const auto found = settings.find(flag);
  if (found == settings.end()) return absl::OkStatus();
  const std::string& text = found->second.value();
  const std::optional<std::chrono::seconds> parsed = ParseDuration(text);
  if (!parsed) {
    return Wrong(settings, flag,
                 absl::StrCat(base::Quote(text),
                              " is neither a number of seconds nor a duration such as 5m"));
  }
  time = *parsed;
  return absl::OkStatus();
}

absl::Status ReadTimes(const Settings& settings, ServeFlags& flags) {
  std::chrono::seconds token_timeout{0};
  absl::Status status = ReadTime(settings, "tokentimeout", token_timeout);
  if (status.ok()) status = ReadTime(settings, "shutdowndelay", flags.shutdown_delay);
  if (status.ok()) status = ReadTime(settings, "draintimeout", flags.drain_timeout);
  if (!status.ok()) return status;
  // 0 means the default, as in the files.
  if (token_timeout > std::chrono::seconds(0)) flags.token_timeout = token_timeout;
  for (const auto& [flag, time] : {std::pair("shutdowndelay", flags.shutdown_delay),
                                   std::pair("draintimeout", flags.drain_timeout)}) {
    if (time <= base::kMaxShutdownTime) continue;
    return Wrong(settings, flag,
                 absl::StrCat(base::Quote(settings.find(flag)->second.value()),
                              " is too long; the maximum is 24h"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ServeFlags> Convert(const Settings& settings) {
  ServeFlags flags;
  if (absl::Status status = ReadTexts(settings, flags); !status.ok()) return status;
  if (absl::Status status = ReadLimits(settings, flags); !status.ok()) return status;
  if (settings.contains("addr")) {
    absl::StatusOr<HostPort> address = ReadAddress(settings, "addr");
    if (!address.ok()) return address.status();
    flags.address = *std::move(address);
  }
  if (settings.contains("grpcaddr")) {
    absl::StatusOr<HostPort> address = ReadAddress(settings, "grpcaddr");
    if (!address.ok()) return address.status();
    flags.grpc_address = *std::move(address);
  }
  if (!flags.database.empty()) {
    if (absl::Status status = controlplane::CheckDatabaseUrl(flags.database); !status.ok()) {
      return Wrong(settings, "database", status.message());
    }
  }
  if (const re2::RE2 sparse(flags.sparse, re2::RE2::Quiet); !sparse.ok()) {
    return Wrong(
        settings, "sparse",
        absl::StrCat(base::Quote(flags.sparse), " is not a regular expression: ", sparse.error()));
  }
  if (const auto found = settings.find("cfgdir"); found != settings.end()) {
    flags.config_folders = found->second.values;
  }
  if (absl::Status status = ReadTimes(settings, flags); !status.ok()) return status;
  if (const auto found = settings.find("trustedproxies"); found != settings.end()) {
    absl::StatusOr<http::TrustedProxies> proxies =
        http::TrustedProxies::Parse(found->second.value());
    if (!proxies.ok()) return Wrong(settings, "trustedproxies", proxies.status().message());
    flags.trusted_proxies = *std::move(proxies);
  }
  if (const auto found = settings.find("publicurl"); found != settings.end()) {
    absl::StatusOr<std::string> url = http::ParsePublicUrl(found->second.value());
    if (!url.ok()) return Wrong(settings, "publicurl", url.status().message());
    flags.public_url = *std::move(url);
  }
  absl::Status status = ReadSize(settings, "uploadlimit", flags.upload_limit);
  if (status.ok()) status = ReadSize(settings, "uploadlimituser", flags.upload_limit_user);
  if (!status.ok()) return status;
  if (const auto found = settings.find("ui"); found != settings.end()) {
    if (!absl::SimpleAtob(found->second.value(), &flags.ui)) {
      return Wrong(settings, "ui",
                   absl::StrCat(base::Quote(found->second.value()), " is neither true nor false"));
    }
  }
  for (const auto& [flag, setting] : settings) flags.given.insert(flag);
  if (absl::Status status = CheckAdminName(settings, flags.admin_name); !status.ok()) return status;
  return flags;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParseCheckFlags(absl::Span<const char* const> args,
                                                         const Environment& environment) {
  absl::StatusOr<Arguments> arguments = ReadArguments(kCheck, args);
  if (!arguments.ok()) return arguments.status();
  absl::StatusOr<Settings> variables = ReadEnvironment(kCheck, environment);
  if (!variables.ok()) return variables.status();
  arguments->settings.merge(*variables);
  const auto found = arguments->settings.find("cfgdir");
  if (found == arguments->settings.end()) return WrongArguments(kCheck, "check needs -cfgdir DIR");
  return found->second.values;
}

absl::StatusOr<ServeFlags> ParseServeFlags(absl::Span<const char* const> args,
                                           const Environment& environment) {
  absl::StatusOr<Arguments> arguments = ReadArguments(kServe, args);
  if (!arguments.ok()) return arguments.status();
  absl::StatusOr<Settings> variables = ReadEnvironment(kServe, environment);
  if (!variables.ok()) return variables.status();
  const Settings settings = Merge(std::move(arguments->settings), *std::move(variables));
  absl::StatusOr<ServeFlags> flags = Convert(settings);
  if (!flags.ok()) return flags.status();
  if (absl::Status status = CheckCombination(settings); !status.ok()) return status;
  flags->warnings = UnknownVariables(kServe, environment);
  return flags;
}

}  // namespace registry::app
