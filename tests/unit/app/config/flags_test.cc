#include "app/config/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace registry::app {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Args = std::vector<const char*>;

ServeFlags Parse(const Args& args, const Environment& environment = {}) {
  const absl::StatusOr<ServeFlags> flags = ParseServeFlags(args, environment);
  EXPECT_TRUE(flags.ok()) << flags.status();
  return flags.ok() ? *flags : ServeFlags();
}

std::string Error(const Args& args, const Environment& environment = {}) {
  const absl::StatusOr<ServeFlags> flags = ParseServeFlags(args, environment);
  if (flags.ok()) return "";
  EXPECT_EQ(flags.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(flags.status().message()),
              EndsWith("; see 'simple-registry help serve'"));
  return std::string(flags.status().message());
}

TEST(FlagsTest, DefaultsAreThoseOfTheHelp) {
  const ServeFlags flags = Parse({"-adminpwd", "x"});
  EXPECT_EQ(flags.address.ToString(), "0.0.0.0:5000");
  EXPECT_EQ(flags.data_dir, "./data");
  EXPECT_EQ(flags.admin_name, "admin");
  EXPECT_EQ(flags.admin_password, "x");
  EXPECT_EQ(flags.admin_password_file, "");
  EXPECT_EQ(flags.cert_file, "");
  EXPECT_EQ(flags.key_file, "");
  EXPECT_THAT(flags.warnings, IsEmpty());
}

TEST(FlagsTest, EveryWayToWriteAFlagIsTheSame) {
  for (const Args& args :
       {Args{"-addr", ":1"}, Args{"--addr", ":1"}, Args{"-addr=:1"}, Args{"--addr=:1"}}) {
    Args all = {"-adminpwd", "x"};
    all.insert(all.end(), args.begin(), args.end());
    EXPECT_EQ(Parse(all).address.ToString(), ":1") << args[0];
  }
}

TEST(FlagsTest, AllFlagsAreRead) {
  const ServeFlags flags = Parse({"-addr", "[::1]:80", "-datadir=/d", "--adminname", "root",
                                  "--adminpwdfile=/p", "-certfile", "c.pem", "-keyfile", "k.pem"});
  EXPECT_EQ(flags.address.ToString(), "[::1]:80");
  EXPECT_EQ(flags.data_dir, "/d");
  EXPECT_EQ(flags.admin_name, "root");
  EXPECT_EQ(flags.admin_password, "");
  EXPECT_EQ(flags.admin_password_file, "/p");
  EXPECT_EQ(flags.cert_file, "c.pem");
  EXPECT_EQ(flags.key_file, "k.pem");
}

TEST(FlagsTest, ShortNamesOfCertificateAndKey) {
  const ServeFlags flags = Parse({"-cert=c", "-key", "k"}, {{"SIMPLE_REGISTRY_ADMINPWD", "x"}});
  EXPECT_EQ(flags.cert_file, "c");
  EXPECT_EQ(flags.key_file, "k");
}

TEST(FlagsTest, ValuesMayHoldSpacesEqualsSignsAndDashes) {
  EXPECT_EQ(Parse({"-adminpwd", "a b"}).admin_password, "a b");
  EXPECT_EQ(Parse({"-adminpwd=a=b"}).admin_password, "a=b");
  EXPECT_EQ(Parse({"-adminpwd", "-secret"}).admin_password, "-secret");
  EXPECT_EQ(Parse({"-adminpwd", "--"}).admin_password, "--");
  EXPECT_EQ(Parse({"-adminpwd=-datadir"}).admin_password, "-datadir");
}

TEST(FlagsTest, AVariableSetsAFlag) {
  const Environment environment = {
      {"SIMPLE_REGISTRY_ADDR", ":7"},     {"SIMPLE_REGISTRY_DATADIR", "/env"},
      {"SIMPLE_REGISTRY_ADMINNAME", "e"}, {"SIMPLE_REGISTRY_ADMINPWD", "p"},
      {"SIMPLE_REGISTRY_CERT", "c"},      {"SIMPLE_REGISTRY_KEYFILE", "k"}};
  ServeFlags flags = Parse({}, environment);
  EXPECT_EQ(flags.address.ToString(), ":7");
  EXPECT_EQ(flags.data_dir, "/env");
  EXPECT_EQ(flags.admin_name, "e");
  EXPECT_EQ(flags.admin_password, "p");
  EXPECT_EQ(flags.cert_file, "c");
  EXPECT_EQ(flags.key_file, "k");

  flags = Parse({"-addr", ":8", "-certfile", "c2"}, environment);
  EXPECT_EQ(flags.address.ToString(), ":8") << "a flag wins";
  EXPECT_EQ(flags.cert_file, "c2") << "also under its other name";
  EXPECT_EQ(flags.data_dir, "/env");
}

TEST(FlagsTest, AnArgumentOverridesBothPasswordVariables) {
  const ServeFlags flags = Parse({"-adminpwdfile", "/p"}, {{"SIMPLE_REGISTRY_ADMINPWD", "x"}});
  EXPECT_EQ(flags.admin_password_file, "/p");
  EXPECT_EQ(flags.admin_password, "");
}

TEST(FlagsTest, AnEmptyVariableIsNotSet) {
  const ServeFlags flags =
      Parse({"-adminpwd=x"}, {{"SIMPLE_REGISTRY_ADDR", ""}, {"SIMPLE_REGISTRY_CERTFILE", ""}});
  EXPECT_EQ(flags.address.ToString(), "0.0.0.0:5000");
  EXPECT_THAT(flags.warnings, IsEmpty());
}

TEST(FlagsTest, UnknownVariablesAreWarnedOfButNotThoseOfKubernetes) {
  const ServeFlags flags = Parse({"-adminpwd=x"}, {{"SIMPLE_REGISTRY_DATA_DIR", "secret"},
                                                   {"SIMPLE_REGISTRY_PORT", "tcp://10.0.0.1:5000"},
                                                   {"SIMPLE_REGISTRY_PORT_5000_TCP", "x"},
                                                   {"SIMPLE_REGISTRY_SERVICE_HOST", "10.0.0.1"}});
  EXPECT_THAT(flags.warnings,
              ElementsAre(AllOf(HasSubstr("SIMPLE_REGISTRY_DATA_DIR"), Not(HasSubstr("secret")))));
}

TEST(FlagsTest, WrongArgumentsAreNamed) {
  const struct {
    Args args;
    const char* error;
  } cases[] = {
      {{}, "the administrator has no password: give -adminpwdfile FILE or -adminpwd PASSWORD"},
      {{"-adminpwd"}, "flag -adminpwd has no value"},
      {{"-adminpwd="}, "flag -adminpwd has no value"},
      {{"-adminpwd", ""}, "flag -adminpwd has an empty value"},
      {{"-adminpwd", "-datadir", "x"}, "flag -adminpwd has no value"},
      {{"-adminpwd", "--datadir=x"}, "flag -adminpwd has no value"},
      {{"-adminpwd=x", "-addr"}, "flag -addr has no value"},
      {{"-adminpwd=x", "-datadir="}, "flag -datadir has no value"},
      {{"-adminpwd=x", "-addr", "5000"},
       R"(flag -addr: invalid address "5000": the port is missing)"},
      {{"-addr", "5000"}, R"(flag -addr: invalid address "5000": the port is missing)"},
      {{"-adminpwd=x", "-addr", "h:70000"}, "the port must be a number from 0 to 65535"},
      {{"-adminpwd=x", "-addr", ":1", "--addr=:2"}, "flag -addr is given twice"},
      {{"-adminpwd=x", "-cert=a", "-certfile=b"},
       "flag -cert and flag -certfile are the same flag: give one"},
      {{"-adminpwd=x", "-adminpwdfile=y"}, "flag -adminpwd and flag -adminpwdfile exclude"},
      {{"-adminpwd=x", "-cert=c"}, "flag -cert needs the certificate's key: give -keyfile"},
      {{"-adminpwd=x", "-keyfile=k"}, "flag -keyfile needs its certificate: give -certfile"},
      {{"-adminpwd=x", "-adminname=a:b"}, R"(flag -adminname: invalid user name "a:b")"},
      {{"-adminpwd=x", "-adminname=anonymous"}, "do not log in"},
      {{"-adminpwd=x", "-verbose"}, R"(unknown flag "-verbose")"},
      {{"-adminpwd=x", "-verbose=y"}, R"(unknown flag "-verbose")"},
      {{"-adminpwd=x", "--verbose", "y"}, R"(unknown flag "--verbose")"},
      {{"-adminpwd=x", "-a", ":1"}, R"(unknown flag "-a")"},
      {{"-admin", "x"}, R"(unknown flag "-admin")"},
      {{"-adminpwd=x", "-data=y"}, R"(unknown flag "-data")"},
      {{"-adminpwd=x", "-ADDR=:1"}, R"(unknown flag "-ADDR")"},
      {{"-adminpwd=x", "---addr=:1"}, R"(unknown flag "---addr")"},
      {{"-adminpwd=x", "word"}, R"(unexpected word "word")"},
      {{"-adminpwd=x", "-"}, R"(unexpected word "-")"},
      {{"-adminpwd=x", ""}, R"(unexpected word "")"},
      {{"-adminpwd=x", "--", "word"}, R"(unexpected word "word")"},
      {{"-adminpwd=x", "-=y"}, "cannot parse the flags"},
  };
  for (const auto& test : cases) EXPECT_THAT(Error(test.args), HasSubstr(test.error));
}

TEST(FlagsTest, FoldersMayBeGivenSeveralTimesAndStandForThePassword) {
  const ServeFlags flags = Parse({"-cfgdir", "a", "--cfgdir=b"});
  EXPECT_THAT(flags.config_folders, ElementsAre("a", "b"));
  EXPECT_TRUE(flags.given.contains("cfgdir"));
  EXPECT_FALSE(flags.given.contains("addr"));
  EXPECT_THAT(Parse({}, {{"SIMPLE_REGISTRY_CFGDIR", "c"}}).config_folders, ElementsAre("c"));
  EXPECT_THAT(Parse({}, {{"SIMPLE_REGISTRY_CFGDIR", "c, d e ,,f"}}).config_folders,
              ElementsAre("c", "d e", "f"));
  EXPECT_THAT(Parse({"-cfgdir=a,b"}, {{"SIMPLE_REGISTRY_CFGDIR", "c"}}).config_folders,
              ElementsAre("a,b"));
}

TEST(FlagsTest, UploadLimitsAreSizes) {
  EXPECT_EQ(Parse({"-cfgdir=a"}).upload_limit, 0);
  EXPECT_EQ(Parse({"-cfgdir=a"}).upload_limit_user, 0);
  EXPECT_EQ(Parse({"-cfgdir=a", "-uploadlimit", "1T"}).upload_limit, int64_t{1} << 40);
  EXPECT_EQ(Parse({"-cfgdir=a", "-uploadlimituser=500"}).upload_limit_user, 500);
  EXPECT_THAT(Error({"-cfgdir=a", "-uploadlimit", "1X"}), HasSubstr(R"(-uploadlimit: "1X" is)"));
  EXPECT_THAT(Error({"-cfgdir=a", "-uploadlimituser", "-1"}), HasSubstr("-uploadlimituser: "));
}

TEST(FlagsTest, TimeoutsAreSecondsOrDurations) {
  using std::chrono::seconds;
  EXPECT_EQ(Parse({"-cfgdir=a", "-tokentimeout", "90"}).token_timeout, seconds(90));
  EXPECT_EQ(Parse({"-cfgdir=a", "-tokentimeout=1h30m"}).token_timeout, seconds(5400));
  // The default, as in the files.
  EXPECT_EQ(Parse({"-cfgdir=a", "-tokentimeout=0"}).token_timeout, seconds(300));
  for (const char* text : {"x", "-1", "1y", "99999999999", "inf", "-5m"}) {
    EXPECT_THAT(Error({"-cfgdir=a", "-tokentimeout", text}), HasSubstr("-tokentimeout: ")) << text;
  }
}

TEST(FlagsTest, TheTimesOfShuttingDown) {
  using std::chrono::seconds;
  EXPECT_EQ(Parse({"-adminpwd=x"}).shutdown_delay, seconds(0));
  EXPECT_EQ(Parse({"-adminpwd=x"}).drain_timeout, seconds(30));
  const ServeFlags flags = Parse({"-adminpwd=x", "-shutdowndelay", "5s", "-draintimeout=1h30m"});
  EXPECT_EQ(flags.shutdown_delay, seconds(5));
  EXPECT_EQ(flags.drain_timeout, seconds(5400));
  EXPECT_EQ(Parse({"-adminpwd=x", "-draintimeout=0"}).drain_timeout, seconds(0));
  EXPECT_EQ(Parse({"-adminpwd=x"}, {{"SIMPLE_REGISTRY_SHUTDOWNDELAY", "7"}}).shutdown_delay,
            seconds(7));
  for (const char* flag : {"-shutdowndelay", "-draintimeout"}) {
    for (const char* text : {"", "-1", "soon", "5ms", "1.5"}) {
      EXPECT_THAT(Error({"-adminpwd=x", flag, text}),
                  HasSubstr(absl::StrCat(flag, ": \"", text, "\" is neither")));
    }
    EXPECT_EQ(Error({"-adminpwd=x", flag, "24h"}), "");
    EXPECT_THAT(Error({"-adminpwd=x", flag, "24h1s"}),
                HasSubstr(absl::StrCat(flag, ": \"24h1s\" is too long; the maximum is 24h")));
  }
}

TEST(FlagsTest, ABooleanFlagAloneIsTrue) {
  EXPECT_FALSE(Parse({"-cfgdir=a"}).ui);
  EXPECT_TRUE(Parse({"-cfgdir=a", "-ui"}).ui);
  const ServeFlags before_another = Parse({"--ui", "-cfgdir", "a"});
  EXPECT_TRUE(before_another.ui);
  EXPECT_THAT(before_another.config_folders, ElementsAre("a"));
  for (const char* text : {"true", "1", "yes"}) {
    EXPECT_TRUE(Parse({"-ui", text, "-cfgdir=a"}).ui) << text;
    EXPECT_TRUE(Parse({"-cfgdir=a"}, {{"SIMPLE_REGISTRY_UI", text}}).ui) << text;
  }
  for (const char* text : {"false", "0", "no"}) {
    EXPECT_FALSE(Parse({"-ui", text, "-cfgdir=a"}).ui) << text;
    EXPECT_FALSE(Parse({"-cfgdir=a", absl::StrCat("-ui=", text).c_str()}).ui) << text;
  }
  EXPECT_THAT(Error({"-cfgdir=a", "-ui", "maybe"}),
              HasSubstr(R"("maybe" is neither true nor false)"));
  EXPECT_THAT(Error({"-cfgdir=a", "-ui=true", "false"}), HasSubstr(R"(unexpected word "false")"));
}

TEST(FlagsTest, WrongFlagsOfTokensAreNamed) {
  EXPECT_THAT(Error({"-cfgdir=a", "-tokentimeout=soon"}), HasSubstr(R"(-tokentimeout: "soon" is)"));
  EXPECT_THAT(Error({"-cfgdir=a", "-ui=maybe"}), HasSubstr(R"(-ui: "maybe" is neither true)"));
  EXPECT_THAT(Error({"-cfgdir=a", "-tokensecret=hush", "-tokensecretfile=f"}),
              AllOf(HasSubstr("exclude each other"), Not(HasSubstr("hush"))));
}

TEST(FlagsTest, TrustedProxiesAreAListOfAddressesAndNetworks) {
  const auto client = [](const ServeFlags& flags, const char* peer) {
    return flags.trusted_proxies.ClientAddress(peer, {"203.0.113.5"}, {});
  };
  EXPECT_EQ(client(Parse({"-adminpwd=x"}), "10.0.0.1"), "10.0.0.1");
  const ServeFlags flags = Parse({"-adminpwd=x", "-trustedproxies", "10.0.0.0/8,::1"});
  EXPECT_EQ(client(flags, "10.0.0.1"), "203.0.113.5");
  EXPECT_EQ(client(flags, "::1"), "203.0.113.5");
  EXPECT_EQ(client(flags, "192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(client(Parse({"-adminpwd=x"}, {{"SIMPLE_REGISTRY_TRUSTEDPROXIES", "192.0.2.0/24"}}),
                   "192.0.2.1"),
            "203.0.113.5");
  EXPECT_THAT(
      Error({"-adminpwd=x", "-trustedproxies=10.0.0.0/8,proxy"}),
      HasSubstr(R"(flag -trustedproxies: "proxy" is neither an address nor a CIDR; write)"));
  EXPECT_THAT(Error({"-adminpwd=x", "-trustedproxies", ""}), HasSubstr(R"("" is neither)"));
}

TEST(FlagsTest, ThePublicUrlIsASchemeAndAHost) {
  EXPECT_EQ(Parse({"-adminpwd=x"}).public_url, "");
  EXPECT_EQ(Parse({"-adminpwd=x", "-publicurl", "https://r.example:8443/"}).public_url,
            "https://r.example:8443");
  EXPECT_EQ(Parse({"-adminpwd=x"}, {{"SIMPLE_REGISTRY_PUBLICURL", "http://r.example"}}).public_url,
            "http://r.example");
  EXPECT_THAT(
      Error({"-adminpwd=x", "-publicurl=r.example"}),
      HasSubstr(R"(flag -publicurl: "r.example" is not an absolute URL; expected https://)"));
  EXPECT_THAT(Error({"-adminpwd=x", "-publicurl=https://r.example/registry"}),
              HasSubstr("has a path"));
  EXPECT_THAT(Error({"-adminpwd=x", "-publicurl", ""}), HasSubstr(R"("" is not an absolute URL)"));
}

TEST(FlagsTest, LimitsAreNumbers) {
  EXPECT_EQ(Parse({"-adminpwd=x"}).client_connections, 0);
  const ServeFlags flags = Parse({"-adminpwd=x", "-clientconnections", "100", "-clientrequests=50"},
                                 {{"SIMPLE_REGISTRY_USERREQUESTS", "20"}});
  EXPECT_EQ(flags.client_connections, 100);
  EXPECT_EQ(flags.client_requests, 50);
  EXPECT_EQ(flags.user_requests, 20);
  for (const char* text : {"", "-1", "many", "1.5", "1000001"}) {
    EXPECT_THAT(Error({"-adminpwd=x", "-clientrequests", text}),
                HasSubstr(absl::StrCat("-clientrequests: \"", text, "\" is not a limit")));
  }
}

TEST(FlagsTest, CheckTakesFoldersOnly) {
  const std::vector<const char*> good = {"-cfgdir", "a", "-cfgdir", "b"};
  EXPECT_THAT(*ParseCheckFlags(good, {}), ElementsAre("a", "b"));
  const std::vector<const char*> other = {"-cfgdir", "a", "-datadir", "b"};
  EXPECT_THAT(std::string(ParseCheckFlags(other, {}).status().message()),
              HasSubstr("unknown flag \"-datadir\""));
  EXPECT_FALSE(ParseCheckFlags({}, {}).ok());
}

TEST(FlagsTest, WrongVariablesAreNamed) {
  const struct {
    Environment environment;
    const char* error;
  } cases[] = {
      {{{"SIMPLE_REGISTRY_ADDR", "x"}, {"SIMPLE_REGISTRY_ADMINPWD", "x"}},
       R"(variable SIMPLE_REGISTRY_ADDR: invalid address "x")"},
      {{{"SIMPLE_REGISTRY_ADMINPWDFILE", "x"}, {"SIMPLE_REGISTRY_ADMINPWD", "x"}},
       "variable SIMPLE_REGISTRY_ADMINPWD and variable SIMPLE_REGISTRY_ADMINPWDFILE exclude"},
      {{{"SIMPLE_REGISTRY_CERT", "x"}, {"SIMPLE_REGISTRY_CERTFILE", "x"}}, "are the same flag"},
      {{{"SIMPLE_REGISTRY_CERT", "x"}, {"SIMPLE_REGISTRY_ADMINPWD", "x"}},
       "variable SIMPLE_REGISTRY_CERT needs the certificate's key"},
  };
  for (const auto& test : cases) EXPECT_THAT(Error({}, test.environment), HasSubstr(test.error));
}

TEST(FlagsTest, PasswordsAreNotRepeated) {
  EXPECT_THAT(Error({"-adminpwd=hush", "-adminpwd=hush"}), Not(HasSubstr("hush")));
  EXPECT_THAT(Error({"-adminpw=hush"}), Not(HasSubstr("hush")));
  EXPECT_THAT(Error({"-adminpwd=hush", "-adminpwdfile=f"}), Not(HasSubstr("hush")));
}

TEST(FlagsTest, OnlyOurVariablesAreTaken) {
  const char* variables[] = {"PATH=/bin",
                             "SIMPLE_REGISTRY_ADDR=:1=2",
                             "SIMPLE_REGISTRY_X=",
                             "SIMPLE_REGISTRY_NOVALUE",
                             "simple_registry_addr=:3",
                             nullptr};
  EXPECT_EQ(RegistryEnvironment(variables), (Environment{{"SIMPLE_REGISTRY_ADDR", ":1=2"},
                                                         {"SIMPLE_REGISTRY_X", ""},
                                                         {"SIMPLE_REGISTRY_NOVALUE", ""}}));
}

}  // namespace
}  // namespace registry::app
