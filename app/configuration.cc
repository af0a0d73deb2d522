#include "app/configuration.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "app/config/admin_password.h"
#include "app/config/files.h"
#include "controlplane/access/tokens.h"
#include "controlplane/policy/policy.h"

namespace registry::app {
namespace {

// Applies settings from the files where no flag is given.
class FileSettings {
 public:
  FileSettings(const ServeFlags& flags, const Configuration& configuration)
      : flags_(flags), configuration_(configuration) {}

  void Apply(ServeFlags& merged) {
    Set("addr", configuration_.addr, merged.address);
    Set("datadir", configuration_.data_dir, merged.data_dir);
    Set("database", configuration_.database, merged.database);
    Set("certfile", configuration_.cert_file, merged.cert_file);
    Set("keyfile", configuration_.key_file, merged.key_file);
    Set("sparse", configuration_.sparse, merged.sparse);
    Set("publicurl", configuration_.public_url, merged.public_url);
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
  }

 private:
  template <class T>
  void Set(absl::string_view flag, const std::optional<T>& value, T& out) {
    if (value.has_value() && !flags_.given.contains(flag)) out = *value;
  }

  const ServeFlags& flags_;
  const Configuration& configuration_;
};

// The policy of the flags, without -cfgdir.
absl::StatusOr<controlplane::ConfiguredPolicy> LoadAdministrator(const ServeFlags& flags) {
  const absl::StatusOr<AdminPassword> password = ReadAdminPassword(flags);
  if (!password.ok()) return password.status();
  controlplane::ConfiguredPolicy policy;
  policy.objects = controlplane::AdministratorOnly(flags.admin_name, password->hash);
  if (password->hash.empty()) policy.passwords[flags.admin_name] = password->password;
  return policy;
}

absl::Status CheckCertificate(const ServeFlags& flags) {
  if (flags.cert_file.empty() == flags.key_file.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      flags.key_file.empty() ? "the certificate needs its key: give keyfile or -keyfile"
                             : "the key needs its certificate: give certfile or -certfile");
}

void WarnOfWhatHasNoEffect(const ServeFlags& flags, const LoadedFiles& files,
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

absl::StatusOr<ServeConfiguration> Configure(const ServeFlags& flags) {
  ServeConfiguration result;
  result.warnings = flags.warnings;
  ServeFlags merged = flags;
  RegistryOptions& options = result.options;
  if (flags.config_folders.empty()) {
    options.policy_files = FileState({flags.admin_password_file});
    absl::StatusOr<controlplane::ConfiguredPolicy> administrator = LoadAdministrator(flags);
    if (!administrator.ok()) return administrator.status();
    options.policy = *std::move(administrator);
    if (!options.policy_files.empty()) {
      options.load_policy = [flags] { return LoadAdministrator(flags); };
    }
  } else {
    absl::StatusOr<LoadedFiles> files = LoadFolders(flags.config_folders);
    if (!files.ok()) return files.status();
    result.warnings.insert(result.warnings.end(), files->warnings.begin(), files->warnings.end());
    FileSettings(flags, files->configuration).Apply(merged);
    if (absl::Status status = CheckCertificate(merged); !status.ok()) return status;
    WarnOfWhatHasNoEffect(flags, *files, result.warnings);
    options.policy.objects = std::move(files->objects);
    options.load_policy =
        [folders = flags.config_folders,
         started_with = files->configuration]() -> absl::StatusOr<controlplane::ConfiguredPolicy> {
      absl::StatusOr<LoadedFiles> now = LoadFolders(folders);
      if (!now.ok()) return now.status();
      if (!SameSettings(now->configuration, started_with)) {
        now->warnings.push_back("the Configuration has changed: restart the registry to apply it");
      }
      return controlplane::ConfiguredPolicy{.objects = std::move(now->objects),
                                            .warnings = std::move(now->warnings)};
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
  options.database = merged.database;
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
