#include "app/help.h"

namespace registry::app {
namespace {

constexpr absl::string_view kGeneral = R"(simple-registry is an OCI container registry.

Usage: simple-registry COMMAND [ARGUMENTS]

Commands
  serve     run a registry
  admin     manage users, roles, tokens and more of a running registry
  check     validate YAML files
  genhash   print the bcrypt hash of a password
  version   print the version
  help      print this text, or help for a command

Example
  simple-registry genhash > pwd.txt
  simple-registry serve -adminpwdfile pwd.txt
  docker login -u admin localhost:5000

See 'simple-registry help COMMAND'.
)";

constexpr absl::string_view kServe = R"(Usage: simple-registry serve FLAGS

Runs a registry until SIGTERM or SIGINT. Then it serves on for -shutdowndelay while /readyz says
503, stops accepting, and waits up to -draintimeout for requests in progress. Another signal cuts
the phase short. On SIGHUP it reads the files of -cfgdir again. It reads changed files with
certificates, keys, CAs, the password or the secret again within 10 s, or on SIGHUP. If a new file
is wrong, the registry keeps what it had, and the log says why.

Flags, with their defaults
  -addr HOST:PORT       where to listen (0.0.0.0:5000); :5000 is every address, port 0 a free one
  -datadir DIR          folder for all data (./data); created if missing
  -database URL         postgresql://USER@HOST/NAME: keep all but the blobs' bytes in PostgreSQL, 13
                        or newer (default: SQLite in DATADIR); for a password, append
                        ?passfile=FILE or set PGPASSWORD: other users can see the command line
  -adminname NAME       the administrator's user name (admin)
  -adminpwdfile FILE    a file with one line: the administrator's password, or its bcrypt hash as
                        genhash or htpasswd -nB prints it
  -adminpwd PASSWORD    the same on the command line, where other users of the machine can see it
  -certfile FILE        PEM certificate chain for HTTPS; also -cert
  -keyfile FILE         PEM private key of the certificate; also -key
  -cfgdir DIR           a folder of YAML files with users, roles, role bindings, tokens and
                        configuration; may be given several times (SIMPLE_REGISTRY_CFGDIR: DIR,DIR)
  -tokensecret TEXT     secret from which the key that signs tokens is derived; registries with the
                        same secret accept each other's tokens (default: a key in the data folder)
  -tokensecretfile FILE the same from a file with one line
  -tokentimeout TIME    lifetime of tokens, in seconds or as 5m (300); at least 60
  -ui                   not supported in this version
  -sparse REGEX         accept manifests that reference missing content, in repositories whose name
                        contains a match of this regular expression (RE2); '.' matches all
  -grpcaddr HOST:PORT   also serve the admin API here, with mutual TLS (default: only on its socket,
                        DATADIR/admin.sock); needs the next three flags:
  -grpccertfile FILE    PEM certificate chain of the admin API
  -grpckeyfile FILE     PEM private key of that certificate
  -grpccafile FILE      PEM certificates of the CAs that sign the certificates of administrators
  -trustedproxies LIST  addresses and CIDRs of proxies, separated by commas: from them, take the
                        client's and the registry's address from Forwarded or X-Forwarded-For,
                        -Host and -Proto (none: only X-Forwarded-Proto counts)
  -publicurl URL        the registry's address as clients see it, http(s)://HOST[:PORT]; challenges
                        send clients there for a token (taken from proxies or the Host header)
  -shutdowndelay TIME   how long to serve on after SIGTERM while /readyz says 503, so that load
                        balancers notice, seconds or 5m (0); at most 24h
  -draintimeout TIME    how long requests in progress may take after that (30); at most 24h
  -uploadlimit SIZE     bytes that all unfinished uploads may hold together, such as 500M or 20G
                        (0: only the disk limits them)
  -uploadlimituser SIZE bytes that the unfinished uploads of each user may hold; anonymous clients
                        count as one user (0: no limit)
  -clientconnections N  limit of open connections per client address (0: no limit)
  -clientrequests N     limit of requests per second of a client address (0: no limit)
  -userrequests N       limit of requests per second of a user, from any address (0: no limit)

-adminpwdfile or -adminpwd is required, unless -cfgdir is given: then its files define users, and
-adminname, -adminpwd and -adminpwdfile have no effect. A flag wins over the same setting in a file.
Text that begins with $2a$, $2b$ or $2y$ is a hash, not a password; put it in single quotes,
or the shell will change it. Without a certificate the registry speaks plain HTTP.

A flag may begin with one dash or two, and its value may follow a space or an equals sign. An
environment variable can set each flag instead: SIMPLE_REGISTRY_ADDR for -addr, and so on. A flag
wins over its variable; an empty variable counts as not set.

Examples
  simple-registry serve -adminpwdfile pwd.txt -datadir /var/lib/simple-registry
  simple-registry serve -adminpwdfile pwd.txt -addr :443 -cert fullchain.pem -key privkey.pem
  SIMPLE_REGISTRY_ADMINPWD=secret simple-registry serve -addr localhost:5000

Exit codes: 0 stopped as asked, 1 failed, 2 bad flags.
)";

constexpr absl::string_view kAdmin = R"(Usage: simple-registry admin COMMAND [FLAGS]

Manages a running registry through its admin API.

Commands
  users list                      also groups, roles, bindings, tokens list
  users get NAME...               also groups, roles, bindings, tokens get
  users create NAME [-groups G,…] [-nopassword]
  users update NAME [-groups|-addgroups|-removegroups G,…] [-password|-nopassword]
  users delete NAME...            deletes the user's tokens, too; also groups, roles, ... delete
  users revoke NAME...            revokes what 'docker login' and the like got for the user so far
  groups create NAME [-members U,…]
  groups update NAME [-members|-addmembers|-removemembers U,…]
  roles create NAME -resources R,… -verbs V,…
  roles update NAME [-resources|-addresources|-removeresources R,…] [-verbs|…]
  bindings create NAME -role ROLE -subjects U,groups/G,… -scopes REGEX [-scopes REGEX]...
  bindings update NAME [-role ROLE] [-subjects|-addsubjects|-removesubjects S,…]
                       [-scopes|-addscopes|-removescopes REGEX]...
  tokens create NAME -user USER [-expires TIME] [-valuestdin]
  tokens update NAME -expires TIME
  explain SUBJECT ACTION [REPOSITORY[:TAG|@DIGEST]]
                                  says why a user, or groups/GROUP, may or may not pull, push,
                                  delete, catalog, or a single request such as 'PUT manifests'
  reload                          reads the files of -cfgdir again
  audit [-limit N]                shows the last changes (50): who, what, when, from where

At a terminal, admin asks for passwords, twice; otherwise it reads one line from standard input. It
generates a token's value and prints it once, or reads it from standard input with -valuestdin.
Resources are catalog, blobs, manifests, tags; verbs are GET, HEAD, POST, PUT, PATCH, DELETE; * is
all. TIME is 30d or 12h from now, 2027-01-31T12:00:00Z, or never. A NAME may also be written as
users/NAME. Resources that come from files or flags are read-only here.

Flags, with their defaults
  -o json                 the messages of the API as JSON, for scripts; also -output (table)
  -datadir DIR            the registry's data folder (./data); only root and the user who runs the
                          registry may open its socket
  -server HOST:PORT       the -grpcaddr of a registry elsewhere; needs the next three flags:
  -clientcertfile FILE    PEM certificate chain of this administrator
  -clientkeyfile FILE     PEM private key of that certificate
  -servercafile FILE      PEM certificates of the CA that signed the registry's certificate

Environment variables can set all of these but -o: SIMPLE_REGISTRY_DATADIR and so on.

Examples
  simple-registry admin users create bob -groups devs
  simple-registry admin tokens create ci -user bob -expires 30d -o json
  simple-registry admin explain bob push team/app:v1

Exit codes: 0 done, 1 failed, 2 bad arguments.
)";

constexpr absl::string_view kCheck = R"(Usage: simple-registry check -cfgdir DIR...

Reads the YAML files of the folders as serve does. Reports each error with its file, line, field and
remedy, and warns of settings that are valid but suspicious.

Exit codes: 0 no errors, 1 errors, 2 bad flags.
)";

constexpr absl::string_view kGenhash = R"(Usage: simple-registry genhash

Prints the bcrypt hash of a password, for -adminpwdfile. At a terminal it asks for the password,
twice, and does not show it. Otherwise it reads one line from standard input; the newline at its end
is not part of the password. A password has at most 72 bytes.

Examples
  simple-registry genhash > pwd.txt
  printf %s "$PASSWORD" | simple-registry genhash > pwd.txt
)";

constexpr absl::string_view kVersion = R"(Usage: simple-registry version

Prints the version.
)";

constexpr absl::string_view kHelp = R"(Usage: simple-registry help [COMMAND]

Prints help for simple-registry or for one of its commands; COMMAND -h does the same.
)";

}  // namespace

absl::string_view HelpText(absl::string_view command) {
  if (command.empty()) return kGeneral;
  if (command == "serve") return kServe;
  if (command == "admin") return kAdmin;
  if (command == "check") return kCheck;
  if (command == "genhash") return kGenhash;
  if (command == "version") return kVersion;
  if (command == "help") return kHelp;
  return "";
}

}  // namespace registry::app
