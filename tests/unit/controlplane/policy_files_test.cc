#include "controlplane/policy_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/limits.h"

namespace registry::controlplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr char kHash[] = "$2b$04$abcdefghijklmnopqrstuu8fcBr6CKQK.lNKpSKcx8pBjK5/zNFDK";
constexpr char kTokenValue[] = "0123456789abcdef";

absl::StatusOr<LoadedFiles> Parse(const std::vector<std::string>& contents) {
  std::vector<SourceFile> files;
  for (const std::string& content : contents) {
    files.push_back(
        {absl::StrCat(std::string(1, static_cast<char>('a' + files.size())), ".yaml"), content});
  }
  return ParseFiles(files);
}

// A document: its "spec" begins in line 5.
std::string Document(absl::string_view kind, absl::string_view name, absl::string_view spec) {
  return absl::StrCat("apiVersion: simple-registry.jlsalvador.online/v1beta1\nkind: ", kind,
                      "\nmetadata:\n  name: ", name, "\nspec:\n", spec);
}

std::string UserOf(absl::string_view name, absl::string_view group = "g") {
  return Document("User", name, absl::StrCat("  groups: [", group, "]\n---\n"));
}

std::string PullRole() {
  return Document("Role", "pull", "  resources: [\"*\"]\n  verbs: [get]\n---\n");
}

// All errors, one a line; "" when there is none.
std::string ErrorsOf(const std::vector<std::string>& contents) {
  const absl::StatusOr<LoadedFiles> loaded = Parse(contents);
  EXPECT_TRUE(loaded.ok() || absl::IsInvalidArgument(loaded.status()));
  return std::string(loaded.status().message());
}

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
      Document("Configuration", "c",
               "  dataDir: ./data\n  web:\n    addr: :5000\n    tokenSecret: s3cret\n"
               "    tokenTimeout: 1h30m\n    ui: yes\n    certfile: c.pem\n    keyfile: k.pem\n"
               "  registry: {sparse: ^a/}\n---\n"),
      Document("PullThroughCache", "hub",
               "  upstream:\n    url: https://registry-1.docker.io\n    timeout: 60s\n"
               "    username: u\n    password: p\n    ttl: 30d\n  scopes: [^library/.+$]\n"))});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(loaded->warnings, IsEmpty());

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
  EXPECT_EQ(objects.tokens[0].value, kTokenValue);
  EXPECT_EQ(objects.tokens[0].user, "alice");
  EXPECT_EQ(objects.tokens[0].expires_at_ms, 4070908800000);  // date -d 2099-01-01T00:00Z +%s
  EXPECT_EQ(objects.tokens[1].expires_at_ms, std::nullopt);

  const Configuration& configuration = loaded->configuration;
  EXPECT_EQ(configuration.data_dir, "./data");
  EXPECT_EQ(configuration.addr, ":5000");
  EXPECT_EQ(configuration.token_secret, "s3cret");
  EXPECT_EQ(configuration.token_timeout, std::chrono::minutes(90));
  EXPECT_EQ(configuration.ui, true);
  EXPECT_EQ(configuration.cert_file, "c.pem");
  EXPECT_EQ(configuration.key_file, "k.pem");
  EXPECT_EQ(configuration.sparse, "^a/");
  EXPECT_EQ(configuration.places.size(), 8);
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

TEST(PolicyFilesTest, AcceptsWhatIsAlmostEmpty) {
  for (const char* content : {"", "\n", "---\n", "---\n---\n...\n", "# a comment",
                              "\xef\xbb\xbf# a byte order mark\n", "%YAML 1.2\n---\n"}) {
    EXPECT_EQ(ErrorsOf({content}), "") << content;
  }
  // What is given as nothing counts as not given, and so does empty text of the configuration.
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

// One mistake, its place, its field, and words of the message.
struct Mistake {
  std::string content;
  std::string where;
  std::string words;
};

void ExpectTheOnlyError(const Mistake& mistake) {
  SCOPED_TRACE(mistake.content);
  const std::string errors = ErrorsOf({mistake.content});
  EXPECT_TRUE(absl::StartsWith(errors, mistake.where + ": ")) << errors;
  EXPECT_THAT(errors, HasSubstr(mistake.words));
  // What is wrong, and what to do about it.
  EXPECT_THAT(errors, HasSubstr("; "));
  EXPECT_THAT(errors, Not(HasSubstr("\n")));
}

TEST(PolicyFilesTest, RefusesDocumentsThatAreNone) {
  const std::string version = "apiVersion: simple-registry.jlsalvador.online/v1beta1\n";
  const Mistake mistakes[] = {
      {"hello", "a.yaml:1", "is text but must be a map"},
      {"- a", "a.yaml:1", "is a list but must be a map"},
      {"\nkind: User\nmetadata: {name: a}\n", "a.yaml:2: apiVersion", "is missing"},
      {version + "metadata: {name: a}\n", "a.yaml:1: kind", "is missing"},
      {"kind: User\napiVersion: v1\n", "a.yaml:2: apiVersion", "\"v1\", which is not known; write"},
      {"kind: User\napiVersion: 1\n", "a.yaml:2: apiVersion", "is a number but must be text"},
      {version + "kind: Robot\n", "a.yaml:2: kind", "\"Robot\", which is not known; write Conf"},
      {version + "kind: user\n", "a.yaml:2: kind", "\"user\", which is not known"},
      {version + "kind: User\n", "a.yaml:1: metadata", "is missing"},
      {version + "kind: User\nmetadata:\n", "a.yaml:3: metadata", "is missing"},
      {version + "kind: User\nmetadata: {}\n", "a.yaml:3: metadata.name", "is missing"},
      {version + "kind: User\nmetadata: a\n", "a.yaml:3: metadata", "is text but must be a map"},
      {version + "kind: User\nmetadata:\n  name: a\n  labels: {}\n", "a.yaml:5: metadata.labels",
       "is no known field; known are name"},
      {version + "kind: User\nmetadata:\n  Name: a\n  name: a\n", "a.yaml:4: metadata.Name",
       "is no known field; write name"},
      {version + "kind: User\nmetadata: {name: a}\nstatus: 1\n", "a.yaml:4: status",
       "is no known field"},
      {version + "kind: User\nmetadata: {name: a}\n\"a b\\n\": 1\n", "a.yaml:4: \"a b\\n\"",
       "is no known field"},
      {version + "kind: Role\nmetadata: {name: a}\n", "a.yaml:1: spec", "is missing"},
      {version + "kind: Configuration\n", "a.yaml:1: spec", "is missing"},
      {version + "kind: Configuration\nmetadata: {name: 1}\nspec: {}\n", "a.yaml:3: metadata.name",
       "is a number"},
      {Document("User", "12", ""), "a.yaml:4: metadata.name", "is a number but must be text"},
      {Document("User", "0x1F", ""), "a.yaml:4: metadata.name", "is a number but must be text"},
      {Document("User", "-1.5e3", ""), "a.yaml:4: metadata.name", "is a number but must be text"},
      {Document("User", "true", ""), "a.yaml:4: metadata.name", "is a boolean but must be text"},
      {Document("User", "[a]", ""), "a.yaml:4: metadata.name", "is a list but must be text"},
      {Document("User", "''", ""), "a.yaml:4: metadata.name", "it is empty"},
      {Document("User", "'a:b'", ""), "a.yaml:4: metadata.name", "colon"},
      {Document("User", std::string(256, 'a'), ""), "a.yaml:4: metadata.name", "255 bytes"},
      {Document("Role", "''", "  resources: [tags]\n  verbs: [get]\n"), "a.yaml:4: metadata.name",
       "is empty"},
      {Document("Role", "\"a\\tb\"", "  resources: [tags]\n  verbs: [get]\n"),
       "a.yaml:4: metadata.name", "control character"},
  };
  for (const Mistake& mistake : mistakes) ExpectTheOnlyError(mistake);
}

TEST(PolicyFilesTest, RefusesMalformedYaml) {
  const auto nested = [](size_t depth) {
    return absl::StrCat("a: ", std::string(depth, '['), std::string(depth, ']'));
  };
  const Mistake mistakes[] = {
      {"a: [b\n", "a.yaml:2", "is no valid YAML"},
      {"a: b\n  c: d\n", "a.yaml:2", "is no valid YAML"},
      {"a: \"b", "a.yaml:1", "is no valid YAML"},
      {"a: \"\\q\"", "a.yaml:1", "is no valid YAML"},
      {"a: *b", "a.yaml:1", "is no valid YAML"},
      {"a:\n\t- b", "a.yaml:2", "is no valid YAML"},
      {"\n\na: \xff\n", "a.yaml:3", "is no UTF-8 text"},
      {std::string("a: b\nc\0d", 8), "a.yaml:2", "has a NUL"},
      {"\xff\xfe" + std::string("a\0", 2), "a.yaml:1", "is no UTF-8 text"},
      {nested(100), "a.yaml:1", "nested more than 64 deep"},
      // yaml-cpp itself gives up there.
      {nested(5000), "a.yaml:1", "nested more than 64 deep"},
      {"a: &a [*a]", "a.yaml:1", "an alias stands inside of what it stands for"},
      {"a: &a {b: c}\nd:\n  <<: *a\n", "a.yaml:3", "merge keys"},
      {"[a]: b", "a.yaml:1", "the name of a field must be a word"},
      {"a: !!binary b", "a.yaml:1", "this tag (!…) is not known"},
      {"\na: !b {}", "a.yaml:2", "this tag (!…) is not known"},
      // For yaml-cpp the first is one empty document after the other, without end; and a document
      // follows the other ones.
      {", a", "a.yaml:1", "this belongs to nothing before it"},
      {UserOf("a") + "---\n...\nkind: User\n", "a.yaml:10", "begin a further document with ---"},
  };
  for (const Mistake& mistake : mistakes) ExpectTheOnlyError(mistake);
}

TEST(PolicyFilesTest, BoundsAliases) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 30; ++i) {
    absl::StrAppend(&bomb, "a", i, ": &a", i, " [*a", i - 1, ",*a", i - 1, "]\n");
  }
  EXPECT_THAT(ErrorsOf({bomb}), HasSubstr("has more than 100000 values"));
}

TEST(PolicyFilesTest, RefusesRepeatedFields) {
  ExpectTheOnlyError({UserOf("a") + Document("User", "b", "  groups: [a]\n  groups: [b]\n"),
                      "a.yaml:14: groups", "stands twice, first in line 13"});
}

TEST(PolicyFilesTest, RefusesBadUsersAndRoles) {
  const auto user = [](absl::string_view spec) { return Document("User", "a", spec); };
  const auto role = [](absl::string_view resources, absl::string_view verbs) {
    return Document("Role", "a", absl::StrCat("  resources: ", resources, "\n  verbs: ", verbs));
  };
  const Mistake mistakes[] = {
      {user("  password: x\n"), "a.yaml:6: spec.password",
       "is no known field; known are passwordHash, groups"},
      {user("  passwordhash: x\n"), "a.yaml:6: spec.passwordhash", "write passwordHash"},
      {user("  passwordHash: plain\n"), "a.yaml:6: spec.passwordHash", "must begin with $2a$"},
      {user("  groups: a\n"), "a.yaml:6: spec.groups", "is text but must be a list"},
      {user("  groups: {a: b}\n"), "a.yaml:6: spec.groups", "is a map but must be a list"},
      {user("  groups:\n  - a\n  - 12\n"), "a.yaml:8: spec.groups[1]", "is a number"},
      {user("  groups:\n  - a\n  - ''\n"), "a.yaml:8: spec.groups[1]", "is empty"},
      {user("  groups:\n  - a\n  - ~\n"), "a.yaml:8: spec.groups[1]", "is empty"},
      {user("  groups:\n  - a: b\n"), "a.yaml:7: spec.groups[0]", "is a map but must be text"},
      {user("- a\n"), "a.yaml:5: spec", "is a list but must be a map"},
      {Document("Role", "a", "  verbs: [get]\n"), "a.yaml:5: spec.resources", "is missing"},
      {Document("Role", "a", "  resources: [tags]\n"), "a.yaml:5: spec.verbs", "is missing"},
      {role("[tags, blob]", "[GET]"), "a.yaml:6: spec.resources[1]", "\"blob\" is no resource"},
      {role("[Tags]", "[GET]"), "a.yaml:6: spec.resources[0]", "\"Tags\" is no resource"},
      {role("tags", "[GET]"), "a.yaml:6: spec.resources", "is text but must be a list"},
      {role("[tags]", "[GET, PULL]"), "a.yaml:7: spec.verbs[1]", "\"PULL\" is no verb"},
      {role("[tags]", "[OPTIONS]"), "a.yaml:7: spec.verbs[0]", "\"OPTIONS\" is no verb"},
      {role("[tags]", "[GET]\n  scopes: []"), "a.yaml:8: spec.scopes", "is no known field"},
  };
  for (const Mistake& mistake : mistakes) ExpectTheOnlyError(mistake);
}

TEST(PolicyFilesTest, RefusesBadBindings) {
  // The role takes 8 lines; the spec of what follows begins in line 13.
  const auto binding = [](absl::string_view subjects, absl::string_view role,
                          absl::string_view scopes) {
    return PullRole() + Document("RoleBinding", "a",
                                 absl::StrCat("  subjects: ", subjects, "\n  roleRef: ", role,
                                              "\n  scopes: ", scopes, "\n"));
  };
  const std::string subject = "[{kind: User, name: a}]";
  const Mistake mistakes[] = {
      {binding("", "{name: pull}", "[a]"), "a.yaml:14: spec.subjects", "is missing"},
      {binding(subject, "", "[a]"), "a.yaml:15: spec.roleRef", "is missing"},
      {binding(subject, "{name: pull}", ""), "a.yaml:16: spec.scopes", "is missing"},
      {binding("[a]", "{name: pull}", "[a]"), "a.yaml:14: spec.subjects[0]", "must be a map"},
      {binding("[{kind: Robot, name: a}]", "{name: pull}", "[a]"),
       "a.yaml:14: spec.subjects[0].kind", "is \"Robot\"; write User or Group"},
      {binding("\n  - kind: User\n    name: a\n  - kind: User\n", "{name: pull}", "[a]"),
       "a.yaml:17: spec.subjects[1].name", "is missing"},
      {binding("[{name: a}]", "{name: pull}", "[a]"), "a.yaml:14: spec.subjects[0].kind",
       "is missing"},
      {binding("[{kind: User, name: 1}]", "{name: pull}", "[a]"),
       "a.yaml:14: spec.subjects[0].name", "is a number"},
      {binding("[{kind: User, name: a, apiGroup: b}]", "{name: pull}", "[a]"),
       "a.yaml:14: spec.subjects[0].apiGroup", "is no known field"},
      {binding(subject, "pull", "[a]"), "a.yaml:15: spec.roleRef", "is text but must be a map"},
      {binding(subject, "{name: }", "[a]"), "a.yaml:15: spec.roleRef.name", "is missing"},
      {binding(subject, "{kind: Role, name: pull}", "[a]"), "a.yaml:15: spec.roleRef.kind",
       "is no known field; known are name"},
      {binding(subject, "{name: push}", "[a]"), "a.yaml:15: spec.roleRef.name",
       "there is no Role \"push\""},
      {binding(subject, "{name: pull}", "a"), "a.yaml:16: spec.scopes", "must be a list"},
      {binding(subject, "{name: pull}", "[a, '(']"), "a.yaml:16: spec.scopes[1]",
       "\"(\" is no regular expression (missing )"},
      {binding(subject, "{name: pull}", "['(?!a)']"), "a.yaml:16: spec.scopes[0]",
       "is no regular expression"},
      {binding(subject, "{name: pull}", "[5]"), "a.yaml:16: spec.scopes[0]", "is a number"},
  };
  for (const Mistake& mistake : mistakes) ExpectTheOnlyError(mistake);
}

TEST(PolicyFilesTest, RefusesBadTokens) {
  // The user takes 7 lines.
  const auto token = [](absl::string_view value, absl::string_view user, absl::string_view rest) {
    return UserOf("u") +
           Document("Token", "t",
                    absl::StrCat("  value: ", value, "\n  username: ", user, "\n", rest));
  };
  const auto expiring = [&](absl::string_view when) {
    return token(kTokenValue, "u", absl::StrCat("  expiresAt: ", when, "\n"));
  };
  const Mistake mistakes[] = {
      {token("", "u", ""), "a.yaml:13: spec.value", "is missing"},
      {token(kTokenValue, "", ""), "a.yaml:14: spec.username", "is missing"},
      {token("123456789012345", "u", ""), "a.yaml:13: spec.value", "is a number"},
      {token("abcdefghijklmno", "u", ""), "a.yaml:13: spec.value", "is shorter than 16 bytes"},
      {token(std::string(base::kMaxTokenBytes + 1, 'a'), "u", ""), "a.yaml:13: spec.value",
       "is longer than 16384 bytes"},
      {token("abcdefgh ijklmnopq", "u", ""), "a.yaml:13: spec.value", "a header cannot carry"},
      {token(kTokenValue, "nobody", ""), "a.yaml:14: spec.username", "there is no User \"nobody\""},
      {token(kTokenValue, "anonymous", ""), "a.yaml:14: spec.username", "sends no credential"},
      {token(kTokenValue, "u", "  scopes: []\n"), "a.yaml:15: spec.scopes", "is no known field"},
      {expiring("tomorrow"), "a.yaml:15: spec.expiresAt", "\"tomorrow\" is no time"},
      {expiring("infinite-future"), "a.yaml:15: spec.expiresAt", "is no time"},
      {expiring("2099-01-01"), "a.yaml:15: spec.expiresAt", "is no time"},
      {expiring("2099-01-01T00:00:00"), "a.yaml:15: spec.expiresAt", "is no time"},
      {expiring("2099-02-30T00:00:00Z"), "a.yaml:15: spec.expiresAt", "is no time"},
      {expiring("2099-01-01T25:00:00Z"), "a.yaml:15: spec.expiresAt", "is no time"},
      {expiring("4070908800"), "a.yaml:15: spec.expiresAt", "is a number"},
      {token(kTokenValue, "u", "---\n") +
           Document("Token", "t2", absl::StrCat("  username: u\n  value: ", kTokenValue, "\n")),
       "a.yaml:22: spec.value", "is the value of another Token already, in a.yaml:13"},
  };
  for (const Mistake& mistake : mistakes) ExpectTheOnlyError(mistake);
}

TEST(PolicyFilesTest, RefusesBadConfigurationsAndCaches) {
  const auto configuration = [](absl::string_view spec) {
    return Document("Configuration", "a", spec);
  };
  const auto cache = [](absl::string_view upstream) {
    return Document("PullThroughCache", "a",
                    absl::StrCat("  upstream: {", upstream, "}\n  scopes: [a]\n"));
  };
  const Mistake mistakes[] = {
      {configuration("  datadir: a\n"), "a.yaml:6: spec.datadir", "write dataDir"},
      {configuration("  dataDir: 1\n"), "a.yaml:6: spec.dataDir", "is a number but must be text"},
      {configuration("  web: a\n"), "a.yaml:6: spec.web", "is text but must be a map"},
      {configuration("  web:\n    port: 1\n"), "a.yaml:7: spec.web.port", "is no known field"},
      {configuration("  web:\n    ui: maybe\n"), "a.yaml:7: spec.web.ui", "write true or false"},
      {configuration("  web:\n    ui: 'true'\n"), "a.yaml:7: spec.web.ui", "is text"},
      {configuration("  web:\n    tokenTimeout: 5x\n"), "a.yaml:7: spec.web.tokenTimeout",
       "\"5x\" is no duration"},
      {configuration("  web:\n    tokenTimeout: -5\n"), "a.yaml:7: spec.web.tokenTimeout",
       "\"-5\" is no duration"},
      {configuration("  web:\n    tokenTimeout: true\n"), "a.yaml:7: spec.web.tokenTimeout",
       "is a boolean but must be text or a number"},
      {configuration("  registry: {sparse: '['}\n"), "a.yaml:6: spec.registry.sparse",
       "is no regular expression"},
      {configuration("  registry: {sparse: true}\n"), "a.yaml:6: spec.registry.sparse",
       "is a boolean but must be text"},
      {cache("timeout: 5s"), "a.yaml:6: spec.upstream.url", "is missing"},
      {cache("url: docker.io"), "a.yaml:6: spec.upstream.url", "is no address of a registry"},
      {cache("url: 'ftp://a'"), "a.yaml:6: spec.upstream.url", "is no address of a registry"},
      {cache("url: 'https://a', ttl: 1w"), "a.yaml:6: spec.upstream.ttl", "is no duration"},
      {cache("url: 'https://a', passwd: a"), "a.yaml:6: spec.upstream.passwd", "no known field"},
      {cache("url: 'https://a', password: a"), "a.yaml:6: spec.upstream.username", "is missing"},
      {cache("url: 'https://a', username: a, password: b, passwordFile: c"),
       "a.yaml:6: spec.upstream.password", "is given twice"},
      {Document("PullThroughCache", "a", "  scopes: [a]\n"), "a.yaml:5: spec.upstream",
       "is missing"},
      {Document("PullThroughCache", "a", "  upstream: {url: http://a}\n"), "a.yaml:5: spec.scopes",
       "is missing"},
      {Document("PullThroughCache", "a", "  upstream: {url: http://a}\n  scopes: ['*']\n"),
       "a.yaml:7: spec.scopes[0]", "is no regular expression"},
  };
  for (const Mistake& mistake : mistakes) ExpectTheOnlyError(mistake);
}

TEST(PolicyFilesTest, RefusesANameTwiceInAKind) {
  EXPECT_EQ(ErrorsOf({UserOf("a"), UserOf("a")}),
            "b.yaml:4: metadata.name: there is a User \"a\" already, in a.yaml:4; rename or remove "
            "one");
  EXPECT_EQ(ErrorsOf({UserOf("pull"), PullRole()}), "");
}

TEST(PolicyFilesTest, JoinsConfigurations) {
  const std::string first = Document("Configuration", "a", "  web: {addr: ':1', ui: false}\n");
  const auto loaded =
      Parse({first, Document("Configuration", "b", "  dataDir: d\n  web: {addr: ':1'}\n")});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->configuration.data_dir, "d");
  EXPECT_EQ(loaded->configuration.addr, ":1");
  EXPECT_EQ(loaded->configuration.ui, false);
  EXPECT_EQ(loaded->configuration.places.at("spec.dataDir"), "b.yaml:6");

  EXPECT_EQ(ErrorsOf({first, Document("Configuration", "b", "  web:\n    addr: ':2'\n")}),
            "b.yaml:7: spec.web.addr: has another value already, in a.yaml:6; remove one");
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
  for (int i = 0; i < 25; ++i) absl::StrAppend(&groups, "  - ", i, "\n");
  const std::string errors = ErrorsOf({Document("User", "a", groups)});
  const std::vector<std::string> lines = absl::StrSplit(errors, '\n');
  ASSERT_EQ(lines.size(), 21);
  EXPECT_THAT(lines[19], HasSubstr("a.yaml:26: spec.groups[19]: "));
  EXPECT_EQ(lines[20], "and 5 more");
}

// The role may stand in what could not be read.
TEST(PolicyFilesTest, DoesNotReportWhatFollowsFromAnotherError) {
  const std::string binding =
      Document("RoleBinding", "a",
               "  subjects: [{kind: User, name: a}]\n  roleRef: {name: pull}\n  scopes: [a]\n");
  EXPECT_THAT(ErrorsOf({binding, "a: ["}), Not(HasSubstr("pull")));
  EXPECT_THAT(ErrorsOf({binding, "apiVersion: v2\nkind: Role\n"}), Not(HasSubstr("there is no")));
  // A role with an error is there.
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
      token(secret),
      token(absl::StrCat("a b c d e f g h i j", secret)),
      absl::StrCat(
          token(secret + secret),
          Document("Token", "z", absl::StrCat("  username: u\n  value: ", secret, secret))),
      Document("Configuration", "a", absl::StrCat("  web: {tokenSecret: [", secret, "]}")),
      absl::StrCat(
          Document("Configuration", "a", "  web: {tokenSecret: a}\n---\n"),
          Document("Configuration", "b", absl::StrCat("  web: {tokenSecret: ", secret, "}"))),
      Document("PullThroughCache", "a",
               absl::StrCat("  upstream: {url: 'https://a', password: ", secret, "}\n")),
      Document("PullThroughCache", "a",
               absl::StrCat("  upstream: {url: 'https://u:", secret, "@a'}\n  scopes: [a]\n")),
  };
  for (const std::string& content : contents) {
    const std::string errors = ErrorsOf({content});
    EXPECT_NE(errors, "") << content;
    EXPECT_THAT(errors, Not(HasSubstr(secret)));
  }
}

TEST(PolicyFilesTest, WarnsOfWhatIsHardlyMeant) {
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
       "a.yaml:14: spec.subjects[0].name: there is no User \"nobody\""},
      {binding("[{kind: Group, name: none}]", "[a]"),
       "a.yaml:14: spec.subjects[0].name: no User is in the group \"none\""},
      {binding("[]", "[a]"), "a.yaml:14: spec.subjects: is empty, so the binding allows nothing"},
      {binding("[{kind: User, name: u}]", "[]"),
       "a.yaml:16: spec.scopes: is empty, so the binding allows nothing"},
      {binding("[{kind: User, name: u}]", "[a, ^team/app$]"),
       "a.yaml:16: spec.scopes[1]: matches no tag, because a manifest is asked for as "
       "REPOSITORY:TAG; write (:.+)?$ in place of the final $"},
      {Document("Role", "r", "  resources: []\n  verbs: [get]\n---\n"),
       "a.yaml:6: spec.resources: is empty, so the role allows nothing"},
      {Document("Role", "r", "  resources: [tags]\n  verbs: []\n---\n"),
       "a.yaml:7: spec.verbs: is empty, so the role allows nothing"},
      {Document("Token", "t",
                "  value: 0123456789abcdef\n  username: u\n  expiresAt: 2001-01-01T00:00:00Z\n"
                "---\n"),
       "a.yaml:8: spec.expiresAt: has passed, so the token does not work any more"},
      {Document("Configuration", "c", "  web: {tokenTimeout: 30}\n---\n"),
       "a.yaml:6: spec.web.tokenTimeout: is raised to 60 seconds, the least that clients expect"},
      {Document("User", "anonymous", absl::StrCat("  passwordHash: ", kHash, "\n---\n")),
       "a.yaml:6: spec.passwordHash: has no effect: anonymous is who does not log in"},
  };
  for (const auto& test : cases) {
    EXPECT_THAT(WarningsOf({test.content + UserOf("u")}), ElementsAre(test.warning))
        << test.content;
  }
  EXPECT_EQ(Parse({cases[8].content})->configuration.token_timeout, std::chrono::seconds(60));
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
  EXPECT_THAT(load("[blobs, catalog]", "[^a$]"), IsEmpty());
  // The bare name for blobs, and tags beside it.
  EXPECT_THAT(load("['*']", "[^a$, '^a:v[0-9]+$']"), IsEmpty());
}

TEST(PolicyFilesTest, KnowsScopesThatMatchNoTag) {
  for (const char* scope : {"^team/app$", "^app$", "^team/app-v1_2$", R"(^team/my\.app$)",
                            "^team/(app|web)$", "^(?:team|guests)/app$", "^team/[a-z]+$",
                            "^team/[a-z0-9._-]+$", "^a{2,3}$", "^team/(app)?$"}) {
    EXPECT_TRUE(ScopeNeverMatchesTag(scope)) << scope;
  }
  for (const char* scope : {"^$",
                            "^.*$",
                            "^.+$",
                            "^team/.+$",
                            "^team1/project(:.+)?$",
                            "^team1/[^/]+$",
                            "^team/app",
                            "team/app$",
                            "app$",
                            "^team/app:v1$",
                            "^team/app|web$",
                            "^team.app$",
                            "^(app)?$",
                            "^a*$",
                            R"(^team/\S+$)",
                            R"(^team/app\$)",
                            "^team/[!-z]+$",
                            "^team/[[:ascii:]]+$",
                            "^(?i)a$",
                            "^(?P<n>a)$",
                            "^a[",
                            "(",
                            ""}) {
    EXPECT_FALSE(ScopeNeverMatchesTag(scope)) << scope;
  }
}

TEST(PolicyFilesTest, ParsesDurations) {
  const struct {
    const char* text;
    int64_t seconds;
  } good[] = {{"0", 0},
              {"90", 90},
              {"90s", 90},
              {"5m", 300},
              {"1h30m", 5400},
              {"30d", 2'592'000},
              {"1d2h3m4s", 93784},
              {"1h1s", 3601},
              {"315360000", 315'360'000}};
  for (const auto& test : good) {
    EXPECT_EQ(ParseDuration(test.text), std::chrono::seconds(test.seconds)) << test.text;
  }
  for (const char* text : {"", "s", "5ms", "1.5h", "-1", "+1", " 1", "1 s", "1m1h", "1m1m", "1h30",
                           "1w", "3651d", "315360001", "99999999999999999999", "1S"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
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

class ReadFoldersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/policy-files-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  void Write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories(std::filesystem::path(Path(name)).parent_path());
    std::ofstream(Path(name), std::ios::binary) << content;
  }
  static std::string ErrorOf(const std::vector<std::string>& folders) {
    const auto files = ReadFolders(folders);
    EXPECT_TRUE(absl::IsInvalidArgument(files.status()));
    return std::string(files.status().message());
  }

  std::string folder_;
};

TEST_F(ReadFoldersTest, ReadsYamlInOrder) {
  for (const char* name : {"x/b.yaml", "x/a.yml", "x/B.YAML", "x/c.YmL", "x/.d.yaml", "x/e.json",
                           "x/yaml", "x/f.yaml.bak", "x/sub.yaml/g.yaml", "a/h.yaml"}) {
    Write(name, name);
  }
  std::filesystem::create_symlink("e.json", Path("x/link.yaml"));
  const auto files = ReadFolders({Path("x"), Path("a/")});
  ASSERT_TRUE(files.ok()) << files.status();
  std::vector<std::string> contents;
  for (const SourceFile& file : *files) contents.push_back(file.content);
  EXPECT_THAT(contents, ElementsAre("x/.d.yaml", "x/B.YAML", "x/a.yml", "x/b.yaml", "x/c.YmL",
                                    "x/e.json", "a/h.yaml"));
  EXPECT_EQ((*files)[1].path, Path("x/B.YAML"));
}

TEST_F(ReadFoldersTest, NamesWhatCannotBeRead) {
  EXPECT_THAT(ErrorOf({folder_, Path("none")}),
              testing::AllOf(HasSubstr(Path("none")), HasSubstr("No such file"), HasSubstr("; ")));
  Write("file", "");
  EXPECT_THAT(ErrorOf({Path("file")}), HasSubstr(Path("file") + "\": Not a directory"));
  std::filesystem::create_symlink("nowhere", Path("link.yaml"));
  EXPECT_THAT(ErrorOf({folder_}), HasSubstr(Path("link.yaml") + "\": No such file"));
}

// Reading it would wait for whoever writes to it.
TEST_F(ReadFoldersTest, RefusesANamedPipe) {
  ASSERT_EQ(mkfifo(Path("pipe.yaml").c_str(), 0600), 0);
  EXPECT_THAT(ErrorOf({folder_}), HasSubstr(Path("pipe.yaml") + "\": it is no regular file"));
}

TEST_F(ReadFoldersTest, RefusesAFileThatMayNotBeRead) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  Write("a.yaml", "");
  std::filesystem::permissions(Path("a.yaml"), std::filesystem::perms::none);
  EXPECT_THAT(ErrorOf({folder_}), HasSubstr(Path("a.yaml") + "\": Permission denied"));
}

TEST_F(ReadFoldersTest, BoundsFiles) {
  Write("a.yaml", std::string(base::kMaxPolicyFileBytes, '#'));
  EXPECT_TRUE(ReadFolders({folder_}).ok());
  Write("b.yaml", std::string(base::kMaxPolicyFileBytes + 1, '#'));
  EXPECT_THAT(ErrorOf({folder_}), HasSubstr(Path("b.yaml") + "\": it has more than 1048576 bytes"));
}

TEST_F(ReadFoldersTest, BoundsTheirNumberAndSize) {
  for (size_t i = 0; i <= base::kMaxPolicyFiles; ++i) Write(absl::StrCat(i, ".yaml"), "");
  EXPECT_THAT(ErrorOf({folder_}), HasSubstr("has more than 10000 YAML files"));

  Write("large/a.yaml", std::string(base::kMaxPolicyFileBytes, '#'));
  const std::vector<std::string> folders(65, Path("large"));
  EXPECT_THAT(ErrorOf(folders), HasSubstr("bytes of them"));
}

}  // namespace
}  // namespace registry::controlplane
