#include "app/config/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/unit/app/config/files_fixture.h"

namespace registry::app {
namespace {

using controlplane::HashTokenValue;
using controlplane::PolicyObjects;
using controlplane::Resource;
using controlplane::RoleBinding;
using controlplane::Subject;
using controlplane::Verb;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

std::vector<std::string> WarningsOf(const std::vector<std::string>& contents) {
  const absl::StatusOr<LoadedFiles> loaded = Parse(contents);
  EXPECT_TRUE(loaded.ok()) << loaded.status();
  return loaded.ok() ? loaded->warnings : std::vector<std::string>{};
}

TEST(PolicyFilesTest, ReadsEveryKind) {
  const absl::StatusOr<LoadedFiles> loaded = Parse({absl::StrCat(
      Document("User", "alice", absl::StrCat("  passwordHash: ", kHash, "\n  groups: [a, b]\n")),
      "---\n# an empty document\n---\n",
      Document("Role", "pull", "  resources: [blobs, manifests]\n  verbs: [get, Head]\n---\n"),
      Document("Role", "all", "  resources: ['*']\n  verbs: ['*']\n---\n"),
      Document("RoleBinding", "team",
               "  subjects:\n  - {kind: Group, name: a}\n  - {kind: User, name: alice}\n"
               "  roleRef: {name: pull}\n  scopes: ['^team/.+$', ^$]\n---\n"),
      Document("Token", "ci",
               absl::StrCat("  value: ", kTokenValue,
                            "\n  username: alice\n  expiresAt: 2099-01-01T02:00:00+02:00\n---\n")),
      Document("Token", "forever", "  value: fedcba9876543210\n  username: alice\n---\n"),
      Document(
          "Configuration", "c",
          "  dataDir: ./data\n  web:\n    addr: :5000\n    tokenSecret: s3cret-of-enough-bytes\n"
          "    tokenTimeout: 1h30m\n    ui: yes\n    certfile: c.pem\n    keyfile: k.pem\n"
          "    shutdownDelay: 5\n    drainTimeout: 1m\n"
          "    clientConnections: 100\n    clientRequests: 50\n    userRequests: 20\n"
          "  registry: {sparse: ^a/, uploadLimit: 20G, uploadLimitUser: 1}\n---\n"),
      Document("PullThroughCache", "hub",
               "  upstream:\n    url: https://registry-1.docker.io\n    timeout: 60s\n"
               "    username: u\n    password: p\n    ttl: 30d\n  scopes: [^library/.+$]\n"))});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(loaded->warnings, ElementsAre(HasSubstr("the token never expires")));

  const PolicyObjects& objects = loaded->objects;
  ASSERT_EQ(objects.users.size(), 1);
  EXPECT_EQ(objects.users[0].name, "alice");
  EXPECT_EQ(objects.users[0].password_hash, kHash);
  EXPECT_THAT(objects.users[0].groups, UnorderedElementsAre("a", "b"));

  ASSERT_EQ(objects.roles.size(), 2);
  EXPECT_THAT(objects.roles[0].resources,
              UnorderedElementsAre(Resource::kBlobs, Resource::kManifests));
  EXPECT_THAT(objects.roles[0].verbs, UnorderedElementsAre(Verb::kGet, Verb::kHead));
  EXPECT_EQ(objects.roles[1].resources.size(), 4);
  EXPECT_EQ(objects.roles[1].verbs.size(), 6);

  ASSERT_EQ(objects.bindings.size(), 1);
  const RoleBinding& binding = objects.bindings[0];
  EXPECT_EQ(binding.name, "team");
  EXPECT_EQ(binding.role, "pull");
  EXPECT_THAT(binding.scopes, ElementsAre("^team/.+$", "^$"));
  ASSERT_EQ(binding.subjects.size(), 2);
  EXPECT_EQ(binding.subjects[0].kind, Subject::Kind::kGroup);
  EXPECT_EQ(binding.subjects[0].name, "a");
  EXPECT_EQ(binding.subjects[1].kind, Subject::Kind::kUser);
  EXPECT_EQ(binding.subjects[1].name, "alice");

  ASSERT_EQ(objects.tokens.size(), 2);
  EXPECT_EQ(objects.tokens[0].name, "ci");
  EXPECT_EQ(objects.tokens[0].value_hash, HashTokenValue(kTokenValue));
  EXPECT_EQ(objects.tokens[0].user, "alice");
  EXPECT_EQ(objects.tokens[0].expires_at_ms, 4070908800000);  // date -d 2099-01-01T00:00Z +%s
  EXPECT_EQ(objects.tokens[1].expires_at_ms, std::nullopt);

  const Configuration& configuration = loaded->configuration;
  EXPECT_EQ(configuration.data_dir, "./data");
  EXPECT_EQ(configuration.addr, (HostPort{.host = "", .port = 5000}));
  EXPECT_EQ(configuration.token_secret, "s3cret-of-enough-bytes");
  EXPECT_EQ(configuration.token_timeout, std::chrono::minutes(90));
  EXPECT_EQ(configuration.client_connections, 100);
  EXPECT_EQ(configuration.client_requests, 50);
  EXPECT_EQ(configuration.user_requests, 20);
  EXPECT_EQ(configuration.ui, true);
  EXPECT_EQ(configuration.cert_file, "c.pem");
  EXPECT_EQ(configuration.key_file, "k.pem");
  EXPECT_EQ(configuration.sparse, "^a/");
  EXPECT_EQ(configuration.shutdown_delay, std::chrono::seconds(5));
  EXPECT_EQ(configuration.drain_timeout, std::chrono::seconds(60));
  EXPECT_EQ(configuration.upload_limit, int64_t{20} << 30);
  EXPECT_EQ(configuration.upload_limit_user, 1);
  EXPECT_EQ(configuration.places.size(), 15);
  EXPECT_THAT(configuration.places.at("spec.web.addr"), HasSubstr("a.yaml:"));

  ASSERT_EQ(loaded->caches.size(), 1);
  const PullThroughCache& cache = loaded->caches[0];
  EXPECT_EQ(cache.name, "hub");
  EXPECT_EQ(cache.url, "https://registry-1.docker.io");
  EXPECT_EQ(cache.timeout, std::chrono::seconds(60));
  EXPECT_EQ(cache.username, "u");
  EXPECT_EQ(cache.password, "p");
  EXPECT_EQ(cache.ttl, std::chrono::hours(24 * 30));
  EXPECT_THAT(cache.scopes, ElementsAre("^library/.+$"));
}

// A file that is being rewritten must not delete its former objects.
TEST(PolicyFilesTest, RefusesEmptyFiles) {
  for (const char* content : {"", "\n", " \r\n\t"}) {
    EXPECT_EQ(ErrorsOf({UserOf("a"), content}),
              "b.yaml:1: is empty; add a document to it, or remove it");
  }
}

TEST(PolicyFilesTest, AcceptsWhatIsAlmostEmpty) {
  for (const char* content : {"---\n", "---\n---\n...\n", "# a comment",
                              "\xef\xbb\xbf# a byte order mark\n", "%YAML 1.2\n---\n"}) {
    EXPECT_EQ(ErrorsOf({content}), "") << content;
  }
  // A null counts as absent, and so does empty text in the configuration.
  const auto loaded = Parse({absl::StrCat(
      "apiVersion: simple-registry.jlsalvador.online/v1beta1\nkind: User\nmetadata: {name: a}\n",
      "---\n", Document("User", "b", "  passwordHash: ''\n  groups:\n---\n"),
      "apiVersion: simple-registry.jlsalvador.online/v1beta1\nkind: Configuration\n"
      "spec: {dataDir: '', web: {certfile: '', ui: ~, tokenTimeout: 0}, registry: }\n")});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->objects.users.size(), 2);
  EXPECT_THAT(loaded->configuration.places, IsEmpty());
  EXPECT_THAT(loaded->warnings, IsEmpty());
}

TEST(PolicyFilesTest, ReadsOtherWritingsOfYaml) {
  const auto loaded =
      Parse({R"({"apiVersion": "simple-registry.jlsalvador.online/v1beta1", "kind": "User",
 "metadata": {"name": "json"}, "spec": {"groups": ["g", "007"]}})",
             "apiVersion: simple-registry.jlsalvador.online/v1beta1\r\nkind: User\r\n"
             "metadata:\r\n  name: crlf\r\n",
             absl::StrCat(
                 Document("User", "&name anchor", "  groups: [*name, !!str 42, !!str true]\n"),
                 "...\n---\n", Document("User", "block", "  groups:\n  - >-\n    long\n    g\n"))});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ASSERT_EQ(loaded->objects.users.size(), 4);
  EXPECT_THAT(loaded->objects.users[0].groups, UnorderedElementsAre("g", "007"));
  EXPECT_EQ(loaded->objects.users[1].name, "crlf");
  EXPECT_THAT(loaded->objects.users[2].groups, UnorderedElementsAre("anchor", "42", "true"));
  EXPECT_THAT(loaded->objects.users[3].groups, UnorderedElementsAre("long g"));
}

TEST(PolicyFilesTest, TakesNumbersAndBooleansForTextWhereTextIsMeant) {
  const auto loaded =
      Parse({Document("User", "123", "  groups: [2024, 0x1F, true, no, 1.50]\n---\n"),
             Document("Token", "7",
                      absl::StrCat("  value: 1234567890123456789\n  username: 123\n",
                                   "  expiresAt: 2099-01-02T03:04:05Z\n"))});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->objects.users[0].name, "123");
  EXPECT_THAT(loaded->objects.users[0].groups,
              UnorderedElementsAre("2024", "0x1F", "true", "no", "1.50"));
  EXPECT_EQ(loaded->objects.tokens[0].value_hash, HashTokenValue("1234567890123456789"));
}

TEST(PolicyFilesTest, MergesMaps) {
  // The first document's fields win over those it merges, and of these the first.
  const auto loaded = Parse({R"(apiVersion: simple-registry.jlsalvador.online/v1beta1
kind: RoleBinding
metadata: {name: a}
spec:
  <<: [{scopes: [one], roleRef: {name: pull}}, {scopes: [two], subjects: [{kind: User, name: u}]}]
---
apiVersion: simple-registry.jlsalvador.online/v1beta1
kind: RoleBinding
metadata: {name: b}
spec:
  subjects: [&user {kind: User, name: u}, {<<: *user, name: v}]
  roleRef: {name: pull}
  scopes: [a]
---
)" + PullRole() + UserOf("u") +
                             UserOf("v")});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const RoleBinding& merged = loaded->objects.bindings[0];
  EXPECT_THAT(merged.scopes, ElementsAre("one"));
  EXPECT_EQ(merged.role, "pull");
  EXPECT_EQ(merged.subjects[0].name, "u");
  EXPECT_EQ(loaded->objects.bindings[1].subjects[1].name, "v");
  EXPECT_EQ(ErrorsOf({Document("User", "a", "  <<: {groups: [g], password: x}\n")}),
            "a.yaml:6: spec.password: is not a known field; known fields are passwordHash, groups");
}

// Files as the Go original's documentation shows them, in words of our own: whoever has such files
// can keep them.
TEST(PolicyFilesTest, ReadsTheShapesOfTheOriginalsDocumentation) {
  constexpr char kVersion[] = "apiVersion: simple-registry.jlsalvador.online/v1beta1\n";
  const struct {
    const char* what;
    std::string content;
    std::vector<std::string> warnings;
  } cases[] = {
      {"a list at the indentation of its field",
       absl::StrCat(kVersion, "kind: User\nmetadata:\n  name: root\nspec:\n  passwordHash: ", kHash,
                    "\n  groups:\n  - operators\n"),
       {}},
      {"a document start, comments, and a list in one line",
       absl::StrCat("---\n", kVersion, "kind: User\nmetadata:\n  name: root\nspec:\n",
                    "  # made with genhash\n  passwordHash: ", kHash, " # a word\n",
                    "  groups: [operators]\n"),
       {}},
      {"no apiVersion",
       "kind: User\nmetadata:\n  name: anonymous\nspec:\n  groups:\n  - everybody\n",
       {"a.yaml:1: apiVersion: is missing; add "
        "apiVersion: simple-registry.jlsalvador.online/v1beta1"}},
      {"a role with stars",
       absl::StrCat(kVersion, "kind: Role\nmetadata:\n  name: root\nspec:\n  resources:\n",
                    "  - \"*\"\n  verbs:\n  - \"*\"\n"),
       {}},
      {"a role without tags",
       absl::StrCat(kVersion, "kind: Role\nmetadata:\n  name: look\nspec:\n  resources:\n",
                    "  - catalog\n  - blobs\n  - manifests\n  verbs:\n  - HEAD\n  - GET\n"),
       {}},
      {"roles and bindings in one file, the binding first and its list deeper than its field",
       absl::StrCat("---\n", kVersion, "kind: RoleBinding\nmetadata:\n  name: all\nspec:\n",
                    "  subjects:\n    - kind: Group\n      name: operators\n  roleRef:\n",
                    "    name: root\n  scopes: [\"^.*$\"]\n---\n", kVersion,
                    "kind: Role\nmetadata:\n  name: root\nspec:\n  resources: [\"*\"]\n",
                    "  verbs: [\"*\"]\n---\n", UserOf("root", "operators"),
                    "# ---\n# kind: RoleBinding\n# left out\n"),
       {}},
      {"scopes, one a line",
       absl::StrCat(PullRole(), UserOf("root", "operators"), kVersion,
                    "kind: RoleBinding\nmetadata:\n  name: some\nspec:\n  subjects:\n",
                    "  - kind: User\n    name: root\n  roleRef: {name: pull}\n  scopes:\n",
                    "   - \"^$\"\n   - \"^.+$\"\n   - \"^.*$\"\n   - \"^lib/.*$\"\n",
                    "   - \"^org/(app|infra)-.+$\"\n   - \"^team/project(:.+)?$\"\n",
                    "   - \"^team/[^/]+$\"\n"),
       {}},
      {"a cache without credentials, what is commented out among its fields",
       absl::StrCat("# a comment\n---\n", kVersion, "kind: PullThroughCache\nmetadata:\n",
                    "  name: hub\nspec:\n  upstream:\n    url: https://hub.example.com\n",
                    "    timeout: 60s\n    # # a comment\n    # username: user\n",
                    "    ttl: 30d\n  scopes:\n   - \"^lib/.+$\"\n   - \"^one/app(:.+)?$\"\n"),
       {}},
      {"a cache whose address ends with a slash, and a password",
       absl::StrCat(kVersion, "kind: PullThroughCache\nmetadata:\n  name: packages\nspec:\n",
                    "  upstream:\n    url: https://packages.example.com/\n    timeout: 60s\n",
                    "    username: user\n    password: a-password\n    ttl: 30d\n",
                    "  scopes:\n   - \"^user/.+$\"\n"),
       {}},
      {"a cache with a password file and no user",
       absl::StrCat(kVersion, "kind: PullThroughCache\nmetadata:\n  name: hub\nspec:\n",
                    "  upstream:\n    url: https://hub.example.com\n    timeout: 60s\n",
                    "    passwordFile: /run/secrets/hub\n    ttl: 30d\n  scopes: [\"^lib/.+$\"]\n"),
       {"a.yaml:9: spec.upstream.passwordFile: has no effect without a username"}},
      {"a configuration with empty lines, empty texts and a short timeout",
       absl::StrCat(
           "---\n", kVersion, "kind: Configuration\nmetadata:\n  name: main\nspec:\n",
           "  dataDir: ./private/data\n\n  web:\n    addr: 0.0.0.0:5000\n\n",
           "    tokenSecret: a-secret-of-enough-bytes\n    tokenTimeout: 30\n\n    ui: true\n\n",
           "    certfile: \"\"\n    keyfile: \"\"\n"),
       {"a.yaml:13: spec.web.tokenTimeout: is raised to 60 seconds, the least that clients "
        "expect"}},
      {"a token with its end",
       absl::StrCat(UserOf("root"), kVersion, "kind: Token\nmetadata:\n  name: machine\nspec:\n",
                    "  value: 0123456789abcdef\n  username: root\n",
                    "  expiresAt: \"2099-01-02T03:04:05Z\"\n"),
       {}},
  };
  for (const auto& test : cases) {
    const absl::StatusOr<LoadedFiles> loaded = Parse({test.content});
    ASSERT_TRUE(loaded.ok()) << test.what << ": " << loaded.status();
    EXPECT_EQ(loaded->warnings, test.warnings) << test.what;
  }
}

TEST(PolicyFilesTest, RefusesANameTwiceInAKind) {
  EXPECT_EQ(ErrorsOf({UserOf("a"), UserOf("a")}),
            "b.yaml:4: metadata.name: User \"a\" is already defined in a.yaml:4; rename or remove "
            "one");
  EXPECT_EQ(ErrorsOf({UserOf("pull"), PullRole()}), "");
}

TEST(PolicyFilesTest, RefusesTwoConfigurationsOfOneName) {
  const std::string configuration = Document("Configuration", "a", "  dataDir: d\n");
  EXPECT_EQ(
      ErrorsOf({configuration, configuration}),
      "b.yaml:4: metadata.name: Configuration \"a\" is already defined in a.yaml:4; rename or "
      "remove one");
}

TEST(PolicyFilesTest, JoinsConfigurations) {
  const std::string first = Document("Configuration", "a", "  web: {addr: ':1', ui: false}\n");
  const auto loaded =
      Parse({first, Document("Configuration", "b", "  dataDir: d\n  web: {addr: ':1'}\n")});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->configuration.data_dir, "d");
  EXPECT_EQ(loaded->configuration.addr, (HostPort{.host = "", .port = 1}));
  EXPECT_EQ(loaded->configuration.ui, false);
  EXPECT_EQ(loaded->configuration.places.at("spec.dataDir"), "b.yaml:6");

  EXPECT_EQ(ErrorsOf({first, Document("Configuration", "b", "  web:\n    addr: ':2'\n")}),
            "b.yaml:7: spec.web.addr: already has another value, in a.yaml:6; remove one");
}

TEST(PolicyFilesTest, ReportsEverythingInOrder) {
  // The dangling reference of the first file is found last.
  const std::string errors = ErrorsOf(
      {Document("RoleBinding", "a",
                "  subjects: [{kind: X, name: a}]\n  roleRef: {name: b}\n  scopes: ['(']\n"),
       Document("User", "a", "  groups: b\n")});
  EXPECT_THAT(
      std::vector<std::string>(absl::StrSplit(errors, '\n')),
      ElementsAre(HasSubstr("a.yaml:6: spec.subjects[0].kind: "),
                  HasSubstr("a.yaml:7: spec.roleRef.name: "),
                  HasSubstr("a.yaml:8: spec.scopes[0]: "), HasSubstr("b.yaml:6: spec.groups: ")));
}

TEST(PolicyFilesTest, CountsErrorsBeyondTheFirst) {
  std::string groups = "  groups:\n";
  for (int i = 0; i < 25; ++i) absl::StrAppend(&groups, "  - ''\n");
  const std::string errors = ErrorsOf({Document("User", "a", groups)});
  const std::vector<std::string> lines = absl::StrSplit(errors, '\n');
  ASSERT_EQ(lines.size(), 21);
  EXPECT_THAT(lines[19], HasSubstr("a.yaml:26: spec.groups[19]: "));
  EXPECT_EQ(lines[20], "and 5 more");

  std::string documents;
  for (int i = 0; i < 5000; ++i) documents += "---\na\n";
  EXPECT_THAT(ErrorsOf({documents}), HasSubstr("\nand 4980 more"));
}

// The unreadable part may define the role.
TEST(PolicyFilesTest, DoesNotReportWhatFollowsFromAnotherError) {
  const std::string binding =
      Document("RoleBinding", "a",
               "  subjects: [{kind: User, name: a}]\n  roleRef: {name: pull}\n  scopes: [a]\n");
  EXPECT_THAT(ErrorsOf({binding, "a: ["}), Not(HasSubstr("pull")));
  EXPECT_THAT(ErrorsOf({binding, "apiVersion: v2\nkind: Role\n"}), Not(HasSubstr("there is no")));
  // A role with an error exists.
  EXPECT_THAT(ErrorsOf({binding, Document("Role", "pull", "  verbs: [x]\n")}),
              Not(HasSubstr("there is no")));
}

TEST(PolicyFilesTest, ErrorsShowNoSecret) {
  const std::string secret = "Xs3cr3tX";
  const auto token = [&](absl::string_view value) {
    return UserOf("u") + Document("Token", absl::StrCat("t", value.size()),
                                  absl::StrCat("  username: u\n  value: ", value, "\n---\n"));
  };
  const std::string contents[] = {
      Document("User", "a", absl::StrCat("  passwordHash: ", secret)),
      Document("User", "a", absl::StrCat("  passwordHash: $2b$10$", secret)),
      Document("User", "a", absl::StrCat("  passwordHash: [", secret, "]")),
      Document("User", "a", absl::StrCat("  passwordHash: \"\\q", secret, "\"")),
      Document("User", "a", absl::StrCat("  passwordHash: \"", secret)),
      Document("User", "a", absl::StrCat("  passwordHash: *", secret)),
      token(absl::StrCat("a b c d e f g h i j", secret)),
      absl::StrCat(
          token(secret + secret),
          Document("Token", "z", absl::StrCat("  username: u\n  value: ", secret, secret))),
      Document("Configuration", "a", absl::StrCat("  web: {tokenSecret: [", secret, "]}")),
      absl::StrCat(
          Document("Configuration", "a", "  web: {tokenSecret: a}\n---\n"),
          Document("Configuration", "b", absl::StrCat("  web: {tokenSecret: ", secret, "}"))),
      // A space or the field is missing.
      UserOf("u") + Document("Token", "t", absl::StrCat("  username: u\n  value:", secret, "\n")),
      UserOf("u") + Document("Token", "t", absl::StrCat("  username: u\n  value = ", secret, "\n")),
      UserOf("u") + Document("Token", "t", absl::StrCat("  username: u\n  ", secret, "\n")),
      UserOf("u") + Document("Token", "t", absl::StrCat("  {value:", secret, ", username: u}\n")),
      UserOf("u") + Document("Token", "t", absl::StrCat("  {", secret, ", username: u}\n")),
      UserOf("u") +
          Document("Token", "t", absl::StrCat("  value:", secret, "\n  value:", secret, "\n")),
      UserOf("u") + Document("Token", "t",
                             absl::StrCat("  {\"a ", secret, "\": 1, \"a ", secret, "\": 1}\n")),
      Document("User", "a", absl::StrCat("  groups: []\n  passwordHash:$2b$10$", secret, "\n")),
      Document("Configuration", "a", absl::StrCat("  web: {tokenSecret:", secret, "}\n")),
      Document("PullThroughCache", "a",
               absl::StrCat("  upstream: {url: 'https://a', password:", secret, "}\n")),
      Document("PullThroughCache", "a",
               absl::StrCat("  upstream: {url: 'https://a', password: ", secret, "}\n")),
      Document("PullThroughCache", "a",
               absl::StrCat("  upstream: {url: 'https://u:", secret, "@a'}\n  scopes: [a]\n")),
  };
  EXPECT_THAT(WarningsOf({token(secret)}), SizeIs(2));
  EXPECT_THAT(WarningsOf({token(secret)}), Each(Not(HasSubstr(secret))));
  for (const std::string& content : contents) {
    const std::string errors = ErrorsOf({content});
    EXPECT_NE(errors, "") << content;
    EXPECT_THAT(errors, Not(HasSubstr(secret)));
  }
}

TEST(PolicyFilesTest, WarnsOfSuspiciousSettings) {
  const auto binding = [](absl::string_view subjects, absl::string_view scopes) {
    return PullRole() + Document("RoleBinding", "b",
                                 absl::StrCat("  subjects: ", subjects, "\n  roleRef: {name: pull}",
                                              "\n  scopes: ", scopes, "\n---\n"));
  };
  const struct {
    std::string content;
    const char* warning;
  } cases[] = {
      {binding("[{kind: User, name: nobody}]", "[a]"),
       "a.yaml:14: spec.subjects[0].name: there is no User \"nobody\" in these files"},
      {binding("[{kind: Group, name: none}]", "[a]"),
       "a.yaml:14: spec.subjects[0].name: no User is in the group \"none\""},
      {binding("[]", "[a]"), "a.yaml:14: spec.subjects: is empty, so the binding allows nothing"},
      {binding("[{kind: User, name: u}]", "[]"),
       "a.yaml:16: spec.scopes: is empty, so the binding allows nothing"},
      {binding("[{kind: User, name: u}]", "[a, ^team/app$]"),
       "a.yaml:16: spec.scopes[1]: matches no tag, because scopes match tags as REPOSITORY:TAG; "
       "write (:.+)?$ instead of the final $"},
      {binding("[{kind: User, name: u}]", "[a, '']"),
       "a.yaml:16: spec.scopes[1]: is empty, which matches everything; write ^.*$ if you mean "
       "that"},
      {Document("Role", "r", "  resources: []\n  verbs: [get]\n---\n"),
       "a.yaml:6: spec.resources: is empty, so the role allows nothing"},
      {Document("Role", "r", "  resources: [tags]\n  verbs: []\n---\n"),
       "a.yaml:7: spec.verbs: is empty, so the role allows nothing"},
      {Document("Token", "t",
                "  value: 0123456789abcdef\n  username: u\n  expiresAt: 2001-01-01T00:00:00Z\n"
                "---\n"),
       "a.yaml:8: spec.expiresAt: has passed, so the token no longer works"},
      {Document("Token", "t", "  value: 0123456789abcdef\n  username: u\n---\n"),
       "a.yaml:5: spec.expiresAt: is missing, so the token never expires; add a time"},
      {Document("Token", "t",
                "  value: short\n  username: u\n  expiresAt: 2099-01-01T00:00:00Z\n---\n"),
       "a.yaml:6: spec.value: is shorter than 16 bytes and can be guessed; generate one with "
       "openssl "
       "rand -hex 32"},
      {binding("[{kind: User, name: u}]", "['^TEAM/.+$']"),
       "a.yaml:16: spec.scopes[0]: matches no repository: names consist of lower-case letters, "
       "digits and ._-/, and begin with a letter or digit"},
      {Document("Configuration", "c", "  web: {tokenSecret: short}\n---\n"),
       "a.yaml:6: spec.web.tokenSecret: is shorter than 16 bytes and can be guessed; generate one "
       "with "
       "openssl rand -hex 32"},
      {Document("Configuration", "c", "  web: {tokenTimeout: 30}\n---\n"),
       "a.yaml:6: spec.web.tokenTimeout: is raised to 60 seconds, the least that clients expect"},
      {Document("PullThroughCache", "c",
                "  upstream: {url: 'https://a', passwordFile: f}\n  scopes: [a]\n---\n"),
       "a.yaml:6: spec.upstream.passwordFile: has no effect without a username"},
      {Document("PullThroughCache", "c",
                "  upstream: {url: 'https://a', username: u, password: p, passwordFile: f}\n"
                "  scopes: [a]\n---\n"),
       "a.yaml:6: spec.upstream.password: has no effect together with passwordFile"},
      {Document("User", "anonymous", absl::StrCat("  passwordHash: ", kHash, "\n---\n")),
       "a.yaml:6: spec.passwordHash: has no effect: 'anonymous' names clients that do not log in"},
  };
  for (const auto& test : cases) {
    EXPECT_THAT(WarningsOf({test.content + UserOf("u")}), ElementsAre(test.warning))
        << test.content;
  }
}

TEST(PolicyFilesTest, RaisesAShortTokenTimeout) {
  const auto loaded = Parse({Document("Configuration", "c", "  web: {tokenTimeout: 30}\n")});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->configuration.token_timeout, std::chrono::seconds(60));
}

TEST(PolicyFilesTest, WarnsOfScopesWithoutTagsOnlyWhereTagsAreAskedFor) {
  const auto load = [](absl::string_view resources, absl::string_view scopes) {
    return WarningsOf(
        {UserOf("u") +
         Document("Role", "r",
                  absl::StrCat("  resources: ", resources, "\n  verbs: [get]\n---\n")) +
         Document("RoleBinding", "b",
                  absl::StrCat("  subjects: [{kind: User, name: u}]\n  roleRef: {name: r}\n"
                               "  scopes: ",
                               scopes, "\n"))});
  };
  EXPECT_EQ(load("[manifests]", "[^a$]").size(), 1);
  EXPECT_EQ(load("['*']", "[^a$, ^b$]").size(), 2);
  EXPECT_EQ(load("[tags]", "[^a$]").size(), 1);
  EXPECT_EQ(load("['*']", "['^a/[^:]+$']").size(), 1);
  EXPECT_THAT(load("[blobs, catalog]", "[^a$]"), IsEmpty());
  // The bare name for blobs, and a scope for tags.
  EXPECT_THAT(load("['*']", "[^a$, '^a:v[0-9]+$']"), IsEmpty());
}

TEST(PolicyFilesTest, ExamplesHaveNoErrorAndNoWarning) {
  const auto files = ReadFolders({REGISTRY_EXAMPLES});
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_EQ(files->size(), 6);
  const auto loaded = ParseFiles(*files);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(loaded->warnings, IsEmpty());
  EXPECT_EQ(loaded->objects.users.size(), 5);
  EXPECT_EQ(loaded->objects.roles.size(), 3);
  EXPECT_EQ(loaded->objects.bindings.size(), 6);
  EXPECT_EQ(loaded->objects.tokens.size(), 1);
  EXPECT_EQ(loaded->caches.size(), 1);
  EXPECT_EQ(loaded->configuration.token_timeout, std::chrono::minutes(5));
}

}  // namespace
}  // namespace registry::app
