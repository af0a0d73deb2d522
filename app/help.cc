#include "app/help.h"

namespace registry::app {
namespace {

constexpr absl::string_view kGeneral = R"(simple-registry is an OCI container registry.

Usage: simple-registry COMMAND [ARGUMENTS]

Commands
  serve     run a registry
  admin     users, roles, tokens and more of a running registry
  check     look whether YAML files are right
  genhash   make the bcrypt hash of a password
  version   print the version
  help      print this, or what a command does

Example
  simple-registry genhash > pwd.txt
  simple-registry serve -adminpwdfile pwd.txt
  docker login -u admin localhost:5000

See 'simple-registry help COMMAND'.
)";

constexpr absl::string_view kServe = R"(Usage: simple-registry serve FLAGS

Runs a registry until it gets SIGTERM or SIGINT, then finishes what runs, for 30 s at most. On
SIGHUP it reads the files of -cfgdir again.

Flags, with their defaults
  -addr HOST:PORT       where to listen (0.0.0.0:5000); :5000 is every address, port 0 a free one
  -datadir DIR          where all data is kept (./data); made when it is missing
  -adminname NAME       the administrator's user name (admin)
  -adminpwdfile FILE    a file with one line: the administrator's password, or its bcrypt hash as
                        genhash prints it
  -adminpwd PASSWORD    the same on the command line, where other users of the machine can read it
  -certfile FILE        PEM certificate chain for HTTPS; also -cert
  -keyfile FILE         PEM private key of the certificate; also -key
  -cfgdir DIR           a folder of YAML files with users, roles, role bindings, tokens and
                        configuration; may be given several times (SIMPLE_REGISTRY_CFGDIR: DIR,DIR)
  -tokensecret TEXT     what signs tokens is derived from it, so that registries which share it
                        accept each other's; else a key is made and kept in the data folder
  -tokensecretfile FILE the same from a file with one line
  -tokentimeout TIME    how long tokens are good for, seconds or 5m (300); at least 60
  -ui                   not in this version
  -sparse REGEX         accept manifests that reference what is not there in repositories whose
                        name this regular expression (RE2) matches somewhere; '.' is all of them
  -grpcaddr HOST:PORT   where the admin API listens besides its socket, DATADIR/admin.sock, with
                        mutual TLS (nowhere); needs the next three:
  -grpccertfile FILE    PEM certificate chain of the admin API
  -grpckeyfile FILE     PEM private key of that certificate
  -grpccafile FILE      PEM certificates of the CAs that sign the certificates of administrators
  -trustedproxies LIST  addresses and CIDRs of proxies, with commas between: who asks is taken from
                        their X-Forwarded-For (none: the header is ignored)

-adminpwdfile or -adminpwd is required, unless -cfgdir is given: then users come from its files, and
-adminname, -adminpwd and -adminpwdfile have no effect. A flag wins over the same in a file.
A password that begins with $2a$, $2b$ or $2y$ is taken for a hash; put it in single quotes, or the
shell will change it. Without a certificate the registry speaks HTTP.

A flag may begin with one dash or two, and its value may follow a space or an equals sign. Each
flag can be set by an environment variable instead: SIMPLE_REGISTRY_ADDR for -addr, and so on. A
flag wins over its variable; an empty variable counts as not set.

Examples
  simple-registry serve -adminpwdfile pwd.txt -datadir /var/lib/simple-registry
  simple-registry serve -adminpwdfile pwd.txt -addr :443 -cert fullchain.pem -key privkey.pem
  SIMPLE_REGISTRY_ADMINPWD=secret simple-registry serve -addr localhost:5000

Exit codes: 0 ended as asked, 1 failed, 2 wrong flags.
)";

constexpr absl::string_view kAdmin = R"(Usage: simple-registry admin COMMAND [FLAGS]

Manages a running registry through its admin API.

Commands
  users list                      groups, roles, bindings and tokens alike
  users get NAME...               the same
  users create NAME [-groups G,…] [-nopassword]
  users update NAME [-groups|-addgroups|-removegroups G,…] [-password|-nopassword]
  users delete NAME...            also the user's tokens; the same for all kinds
  users revoke NAME...            end what 'docker login' and the like got for the user so far
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
                                  why a user, or groups/GROUP, may or may not pull, push, delete,
                                  catalog, or one thing such as 'PUT manifests'
  reload                          read the files of -cfgdir again
  audit [-limit N]                the last changes (50): who, what, when, from where

Passwords are asked for, twice, or else read from standard input, which must be one line. A token's
value is made and printed once, or read from standard input with -valuestdin. Resources are catalog,
blobs, manifests, tags; verbs are GET, HEAD, POST, PUT, PATCH, DELETE; * is all. TIME is 30d or 12h
from now, 2027-01-31T12:00:00Z, or never. A NAME may be written as users/NAME, too. What comes from
files or flags is read-only here.

Flags, with their defaults
  -o json                 the messages of the API as JSON, for scripts; also -output (table)
  -datadir DIR            the data folder of the registry (./data), whose socket only the user who
                          runs the registry, and root, may open
  -server HOST:PORT       a registry elsewhere: its -grpcaddr; with mutual TLS:
  -clientcertfile FILE    PEM certificate chain of this administrator
  -clientkeyfile FILE     PEM private key of that certificate
  -servercafile FILE      PEM certificates of the CA that signed the registry's certificate

These can come from SIMPLE_REGISTRY_DATADIR and so on.

Examples
  simple-registry admin users create bob -groups devs
  simple-registry admin tokens create ci -user bob -expires 30d -o json
  simple-registry admin explain bob push team/app:v1

Exit codes: 0 done, 1 failed, 2 wrong arguments.
)";

constexpr absl::string_view kCheck = R"(Usage: simple-registry check -cfgdir DIR...

Reads the YAML files of the folders as serve does, and says what is wrong with them: file, line,
field and remedy; and what is allowed but hardly meant.

Exit codes: 0 all is well, 1 something is wrong, 2 wrong flags.
)";

constexpr absl::string_view kGenhash = R"(Usage: simple-registry genhash

Prints the bcrypt hash of a password, for -adminpwdfile. At a terminal it asks for the password,
twice, and does not show it. Otherwise it reads standard input, which must be one line; the newline
at its end is no part of the password. A password has at most 72 bytes.

Examples
  simple-registry genhash > pwd.txt
  printf %s "$PASSWORD" | simple-registry genhash > pwd.txt
)";

constexpr absl::string_view kVersion = R"(Usage: simple-registry version

Prints the version.
)";

constexpr absl::string_view kHelp = R"(Usage: simple-registry help [COMMAND]

Prints what simple-registry, or one of its commands, does; so does COMMAND -h.
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
