#include "app/configuration.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "app/admin_password.h"
#include "app/help.h"
#include "base/http/public_url.h"
#include "base/quote.h"
#include "controlplane/access/tokens.h"
#include "controlplane/policy/policy.h"

namespace registry::app {
namespace {

// Applies settings from the files where no flag is given.
class FileSettings {
 public:
  FileSettings(const ServeFlags& flags, const controlplane::Configuration& configuration)
      : flags_(flags), configuration_(configuration) {}

  void Apply(ServeFlags& merged) {
    Set("datadir", configuration_.data_dir, merged.data_dir);
    Set("certfile", configuration_.cert_file, merged.cert_file);
    Set("keyfile", configuration_.key_file, merged.key_file);
    Set("sparse", configuration_.sparse, merged.sparse);
    if (configuration_.public_url.has_value() && !flags_.given.contains("publicurl")) {
      // LoadFolders has validated it.
      merged.public_url = http::ParsePublicUrl(*configuration_.public_url).value();
    }
    Set("uploadlimit", configuration_.upload_limit, merged.upload_limit);
    Set("uploadlimituser", configuration_.upload_limit_user, merged.upload_limit_user);
    Set("tokentimeout", configuration_.token_timeout, merged.token_timeout);
    Set("ui", configuration_.ui, merged.ui);
    Set("shutdowndelay", configuration_.shutdown_delay, merged.shutdown_delay);
    Set("draintimeout", configuration_.drain_timeout, merged.drain_timeout);
    Set("clientconnections", configuration_.client_connections, merged.client_connections);
    Set("clientrequests", configuration_.client_requests, merged.client_requests);
    Set("userrequests", configuration_.user_requests, merged.user_requests);
    if (!flags_.given.contains("tokensecretfile")) {
      Set("tokensecret", configuration_.token_secret, merged.token_secret);
    }
    if (configuration_.addr.has_value() && !flags_.given.contains("addr")) {
      // LoadFolders has validated it.
      merged.address = HostPort::Parse(*configuration_.addr).value();
    }
  }

 private:
  template <class T>
  void Set(absl::string_view flag, const std::optional<T>& value, T& out) {
    if (value.has_value() && !flags_.given.contains(flag)) out = *value;
  }

  const ServeFlags& flags_;
  const controlplane::Configuration& configuration_;
};

// The policy of the flags, without -cfgdir.
absl::StatusOr<controlplane::LoadedFiles> LoadAdministrator(const ServeFlags& flags) {
  const absl::StatusOr<AdminPassword> password = ReadAdminPassword(flags);
  if (!password.ok()) return password.status();
  controlplane::LoadedFiles loaded;
  loaded.objects = controlplane::AdministratorOnly(flags.admin_name, password->hash);
  if (password->hash.empty()) loaded.passwords[flags.admin_name] = password->password;
  return loaded;
}

absl::Status CheckCertificate(const ServeFlags& flags) {
  if (flags.cert_file.empty() == flags.key_file.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      flags.key_file.empty() ? "the certificate needs its key: give keyfile or -keyfile"
                             : "the key needs its certificate: give certfile or -certfile");
}

void WarnOfWhatHasNoEffect(const ServeFlags& flags, const controlplane::LoadedFiles& files,
                           std::vector<std::string>& warnings) {
  for (const char* flag : {"adminname", "adminpwd", "adminpwdfile"}) {
    if (!flags.given.contains(flag)) continue;
    warnings.push_back(
        absl::StrCat("-", flag, " has no effect with -cfgdir: its files define the users"));
  }
  if (!files.caches.empty()) {
    warnings.push_back("PullThroughCache has no effect: this version does not support it");
  }
}

}  // namespace

absl::StatusOr<controlplane::LoadedFiles> LoadFolders(const std::vector<std::string>& folders) {
  const absl::StatusOr<std::vector<controlplane::SourceFile>> files =
      controlplane::ReadFolders(folders);
  if (!files.ok()) return files.status();
  absl::StatusOr<controlplane::LoadedFiles> loaded = controlplane::ParseFiles(*files);
  if (!loaded.ok()) return loaded;
  const controlplane::Configuration& configuration = loaded->configuration;
  std::vector<std::string> errors;
  if (configuration.addr.has_value()) {
    if (absl::Status status = HostPort::Parse(*configuration.addr).status(); !status.ok()) {
      errors.push_back(absl::StrCat(configuration.places.at("spec.web.addr"),
                                    ": spec.web.addr: invalid address ",
                                    base::Quote(*configuration.addr), ": ", status.message()));
    }
  }
  if (configuration.public_url.has_value()) {
    const absl::Status status = http::ParsePublicUrl(*configuration.public_url).status();
    if (!status.ok()) {
      errors.push_back(absl::StrCat(configuration.places.at("spec.web.publicUrl"),
                                    ": spec.web.publicUrl: ", status.message()));
    }
  }
  if (!errors.empty()) return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
  return loaded;
}

std::string HalfCertificate(const controlplane::Configuration& configuration) {
  if (configuration.cert_file.has_value() == configuration.key_file.has_value()) return "";
  const bool has_key = configuration.key_file.has_value();
  const std::string field = has_key ? "spec.web.keyfile" : "spec.web.certfile";
  const absl::string_view other = has_key ? "certfile" : "keyfile";
  return absl::StrCat(configuration.places.at(field), ": ", field, ": needs ", other,
                      " too, here or as the flag -", other);
}

absl::StatusOr<ServeConfiguration> Configure(const ServeFlags& flags) {
  ServeConfiguration result;
  result.warnings = flags.warnings;
  ServeFlags merged = flags;
  RegistryOptions& options = result.options;
  if (flags.config_folders.empty()) {
    options.policy_files = FileState({flags.admin_password_file});
    absl::StatusOr<controlplane::LoadedFiles> administrator = LoadAdministrator(flags);
    if (!administrator.ok()) return administrator.status();
    options.policy = std::move(administrator->objects);
    options.passwords = std::move(administrator->passwords);
    if (!options.policy_files.empty()) {
      options.load_files = [flags] { return LoadAdministrator(flags); };
    }
  } else {
    absl::StatusOr<controlplane::LoadedFiles> files = LoadFolders(flags.config_folders);
    if (!files.ok()) return files.status();
    result.warnings.insert(result.warnings.end(), files->warnings.begin(), files->warnings.end());
    FileSettings(flags, files->configuration).Apply(merged);
    if (absl::Status status = CheckCertificate(merged); !status.ok()) return status;
    WarnOfWhatHasNoEffect(flags, *files, result.warnings);
    options.policy = std::move(files->objects);
    options.load_files = [folders = flags.config_folders, started_with = files->configuration] {
      absl::StatusOr<controlplane::LoadedFiles> now = LoadFolders(folders);
      if (now.ok() && !controlplane::SameSettings(now->configuration, started_with)) {
        now->warnings.push_back("the Configuration has changed: restart the registry to apply it");
      }
      return now;
    };
  }
  if (merged.ui) {
    result.warnings.push_back("ui has no effect: this version does not support it");
  }
  if (merged.token_timeout < controlplane::kMinTokenLifetime) {
    result.warnings.push_back(
        absl::StrCat("the token timeout of ", merged.token_timeout.count(), " s is raised to ",
                     controlplane::kMinTokenLifetime.count(), " s, the least that clients expect"));
    merged.token_timeout = controlplane::kMinTokenLifetime;
  }
  if (!merged.token_secret_file.empty()) {
    const auto load = [path = merged.token_secret_file] {
      return ReadSecretFile("token secret file", path);
    };
    options.token_secret_file = FileState({merged.token_secret_file});
    absl::StatusOr<std::string> secret = load();
    if (!secret.ok()) return secret.status();
    merged.token_secret = *std::move(secret);
    if (!options.token_secret_file.empty()) options.load_token_secret = load;
  }
  // The files' validation warns of short secrets in files.
  if (merged.token_secret.size() < controlplane::kMinTokenValueBytes &&
      (flags.given.contains("tokensecret") || flags.given.contains("tokensecretfile"))) {
    result.warnings.push_back(
        absl::StrCat("the token secret is shorter than ", controlplane::kMinTokenValueBytes,
                     " bytes and can be guessed; generate one with openssl rand -hex 32"));
  }
  options.host = merged.address.host;
  options.port = merged.address.port;
  options.data_directory = merged.data_dir;
  options.token_secret = merged.token_secret;
  options.token_lifetime = merged.token_timeout;
  options.certificate_file = merged.cert_file;
  options.private_key_file = merged.key_file;
  options.sparse_repositories = merged.sparse;
  options.upload_limits = {.user_bytes = merged.upload_limit_user,
                           .total_bytes = merged.upload_limit};
  options.admin_address = merged.grpc_address;
  options.admin_certificate_file = merged.grpc_cert_file;
  options.admin_private_key_file = merged.grpc_key_file;
  options.admin_ca_file = merged.grpc_ca_file;
  options.trusted_proxies = merged.trusted_proxies;
  options.public_url = merged.public_url;
  result.shutdown_delay = merged.shutdown_delay;
  result.drain_timeout = merged.drain_timeout;
  options.client_connections = merged.client_connections;
  options.client_requests = merged.client_requests;
  options.user_requests = merged.user_requests;
  return result;
}

}  // namespace registry::app
