// Every mistake that a YAML file can have: its line, its field, and its message.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "app/config/files.h"
#include "base/limits.h"
#include "tests/unit/app/config/files_fixture.h"

namespace registry::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

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
  // The mistake and the remedy.
  EXPECT_THAT(errors, HasSubstr("; "));
  EXPECT_THAT(errors, Not(HasSubstr("\n")));
}

TEST(PolicyFilesErrorsTest, RefusesInvalidDocuments) {
  const std::string version = "apiVersion: simple-registry.jlsalvador.online/v1beta1\n";
  const Mistake mistakes[] = {
      {"hello", "a.yaml:1", "is text but must be a map"},
      {"- a", "a.yaml:1", "is a list but must be a map"},
      {version + "metadata: {name: a}\n", "a.yaml:1: kind", "is missing"},
      {"kind: User\napiVersion: v1\n", "a.yaml:2: apiVersion", "\"v1\", which is unknown; write"},
      {version + "kind: Robot\n", "a.yaml:2: kind", "\"Robot\", which is unknown; write Conf"},
      {version + "kind: user\n", "a.yaml:2: kind", "\"user\", which is unknown"},
      {version + "kind: User\n", "a.yaml:1: metadata", "is missing"},
      {version + "kind: User\nmetadata:\n", "a.yaml:3: metadata", "is missing"},
      {version + "kind: User\nmetadata: {}\n", "a.yaml:3: metadata.name", "is missing"},
      {version + "kind: User\nmetadata: a\n", "a.yaml:3: metadata", "is text but must be a map"},
      {version + "kind: User\nmetadata:\n  name: a\n  labels: {}\n", "a.yaml:5: metadata.labels",
       "is not a known field; known fields are name"},
      {version + "kind: User\nmetadata:\n  Name: a\n  name: a\n", "a.yaml:4: metadata.Name",
       "is not a known field; write name"},
      {version + "kind: User\nmetadata: {name: a}\nstatus: 1\n", "a.yaml:4: status",
       "is not a known field"},
      {version + "kind: User\nmetadata: {name: a}\n\"a b\\n\": 1\n", "a.yaml:4: \"a…\"",
       "is not a known field"},
      {version + "kind: User\nmetadata: {name: a}\n\"\": 1\n", "a.yaml:4: \"\"",
       "is not a known field"},
      {version + "kind: Role\nmetadata: {name: a}\n", "a.yaml:1: spec", "is missing"},
      {version + "kind: Configuration\n", "a.yaml:1: spec", "is missing"},
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

TEST(PolicyFilesErrorsTest, RefusesMalformedYaml) {
  const auto nested = [](size_t depth) {
    return absl::StrCat("a: ", std::string(depth, '['), std::string(depth, ']'));
  };
  const Mistake mistakes[] = {
      {"a: [b\n", "a.yaml:2", "is not valid YAML"},
      {"a: b\n  c: d\n", "a.yaml:2", "is not valid YAML"},
      {"a: \"b", "a.yaml:1", "is not valid YAML"},
      {"a: \"\\q\"", "a.yaml:1", "is not valid YAML"},
      {"a: *b", "a.yaml:1", "is not valid YAML"},
      {"a:\n\t- b", "a.yaml:2", "is not valid YAML"},
      {"\n\na: \xff\n", "a.yaml:3", "is not UTF-8 text"},
      {std::string("a: b\nc\0d", 8), "a.yaml:2", "has a NUL"},
      {"\xff\xfe" + std::string("a\0", 2), "a.yaml:1", "is not UTF-8 text"},
      {nested(100), "a.yaml:1", "nested more than 64 levels deep"},
      // yaml-cpp itself gives up there.
      {nested(5000), "a.yaml:1", "nested more than 64 levels deep"},
      {"a: &a [*a]", "a.yaml:1", "an alias refers to a value that contains it"},
      {"a: 1\n<<: b\n", "a.yaml:2", "a merge key (<<) takes a map or a list of maps"},
      {"a: 1\n<<: [{b: c}, d]\n", "a.yaml:2", "a merge key (<<) takes a map or a list of maps"},
      {"[a]: b", "a.yaml:1", "a field name must be a word"},
      {"a: !!binary b", "a.yaml:1", "unknown tag (!…)"},
      {"\na: !b {}", "a.yaml:2", "unknown tag (!…)"},
      // yaml-cpp reads the first as endless empty documents, and another document
      // after the others.
      {", a", "a.yaml:1", "this does not belong to the value before it"},
      {UserOf("a") + "---\n...\nkind: User\n", "a.yaml:10", "begin another document with ---"},
  };
  for (const Mistake& mistake : mistakes) ExpectTheOnlyError(mistake);
}

TEST(PolicyFilesErrorsTest, BoundsAliases) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 30; ++i) {
    absl::StrAppend(&bomb, "a", i, ": &a", i, " [*a", i - 1, ",*a", i - 1, "]\n");
  }
  EXPECT_THAT(ErrorsOf({bomb}), HasSubstr("has more than 100000 values"));
}

TEST(PolicyFilesErrorsTest, RefusesRepeatedFields) {
  ExpectTheOnlyError({UserOf("a") + Document("User", "b", "  groups: [a]\n  groups: [b]\n"),
                      "a.yaml:14: groups", "appears twice, first in line 13"});
}

TEST(PolicyFilesErrorsTest, RefusesBadUsersAndRoles) {
  const auto user = [](absl::string_view spec) { return Document("User", "a", spec); };
  const auto role = [](absl::string_view resources, absl::string_view verbs) {
    return Document("Role", "a", absl::StrCat("  resources: ", resources, "\n  verbs: ", verbs));
  };
  const Mistake mistakes[] = {
      {user("  password: x\n"), "a.yaml:6: spec.password",
       "is not a known field; known fields are passwordHash, groups"},
      {user("  passwordhash: x\n"), "a.yaml:6: spec.passwordhash", "write passwordHash"},
      {user("  passwordHash: plain\n"), "a.yaml:6: spec.passwordHash", "must begin with $2a$"},
      {user("  passwordHash: plain\n"), "a.yaml:6: spec.passwordHash",
       "or $2y$; generate one with 'simple-registry genhash'"},
      {user("  groups: [b]\n  passwordHash:x\n"), "a.yaml:7: spec.\"passwordHash…\"",
       "is not a known field; write passwordHash: with a space after the colon"},
      {user("  {passwordHash:x, groups: [b]}\n"), "a.yaml:6: spec.\"passwordHash…\"",
       "write passwordHash: with a space"},
      {user("  groups: [b]\n  x\n"), "a.yaml:7: spec.\"…\"",
       "is not a known field and has no value; known fields are passwordHash, groups"},
      {user("  groups: a\n"), "a.yaml:6: spec.groups", "is text but must be a list"},
      {user("  groups: {a: b}\n"), "a.yaml:6: spec.groups", "is a map but must be a list"},
      {user("  groups:\n  - a\n  - ''\n"), "a.yaml:8: spec.groups[1]", "is empty"},
      {user("  groups:\n  - a\n  - ~\n"), "a.yaml:8: spec.groups[1]", "is empty"},
      {user("  groups:\n  - a: b\n"), "a.yaml:7: spec.groups[0]", "is a map but must be text"},
      {user("- a\n"), "a.yaml:5: spec", "is a list but must be a map"},
      {Document("Role", "a", "  verbs: [get]\n"), "a.yaml:5: spec.resources", "is missing"},
      {Document("Role", "a", "  resources: [tags]\n"), "a.yaml:5: spec.verbs", "is missing"},
      {role("[tags, blob]", "[GET]"), "a.yaml:6: spec.resources[1]", "\"blob\" is not a resource"},
      {role("[Tags]", "[GET]"), "a.yaml:6: spec.resources[0]", "\"Tags\" is not a resource"},
      {role("tags", "[GET]"), "a.yaml:6: spec.resources", "is text but must be a list"},
      {role("[tags]", "[GET, PULL]"), "a.yaml:7: spec.verbs[1]", "\"PULL\" is not a verb"},
      {role("[tags]", "[OPTIONS]"), "a.yaml:7: spec.verbs[0]", "\"OPTIONS\" is not a verb"},
      {role("[tags]", "[GET]\n  scopes: []"), "a.yaml:8: spec.scopes", "is not a known field"},
  };
  for (const Mistake& mistake : mistakes) ExpectTheOnlyError(mistake);
}

TEST(PolicyFilesErrorsTest, RefusesBadBindings) {
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
      {binding("[{kind: User, name: a, apiGroup: b}]", "{name: pull}", "[a]"),
       "a.yaml:14: spec.subjects[0].apiGroup", "is not a known field"},
      {binding(subject, "pull", "[a]"), "a.yaml:15: spec.roleRef", "is text but must be a map"},
      {binding(subject, "{name: }", "[a]"), "a.yaml:15: spec.roleRef.name", "is missing"},
      {binding(subject, "{kind: Role, name: pull}", "[a]"), "a.yaml:15: spec.roleRef.kind",
       "is not a known field; known fields are name"},
      {binding(subject, "{name: push}", "[a]"), "a.yaml:15: spec.roleRef.name",
       "there is no Role \"push\""},
      {binding(subject, "{name: pull}", "a"), "a.yaml:16: spec.scopes", "must be a list"},
      {binding(subject, "{name: pull}", "[a, '(']"), "a.yaml:16: spec.scopes[1]",
       "\"(\" is not a regular expression (missing )"},
      {binding(subject, "{name: pull}", "[\"(a\\n\"]"), "a.yaml:16: spec.scopes[0]",
       "is not a regular expression (missing ): (a\\n)"},
      {binding(subject, "{name: pull}", "['(?!a)']"), "a.yaml:16: spec.scopes[0]",
       "is not a regular expression"},
  };
  for (const Mistake& mistake : mistakes) ExpectTheOnlyError(mistake);
}

TEST(PolicyFilesErrorsTest, RefusesBadTokens) {
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
      {token("''", "u", ""), "a.yaml:13: spec.value", "is empty; generate one"},
      {token(kTokenValue, "", ""), "a.yaml:14: spec.username", "is missing"},
      {token(std::string(base::kMaxTokenBytes + 1, 'a'), "u", ""), "a.yaml:13: spec.value",
       "is longer than 16384 bytes"},
      {token("abcdefgh ijklmnopq", "u", ""), "a.yaml:13: spec.value", "a header cannot carry"},
      {token(kTokenValue, "nobody", ""), "a.yaml:14: spec.username", "there is no User \"nobody\""},
      {token(kTokenValue, "anonymous", ""), "a.yaml:14: spec.username", "send no credentials"},
      {token(kTokenValue, "u", "  scopes: []\n"), "a.yaml:15: spec.scopes", "is not a known field"},
      {expiring(""), "a.yaml:15: spec.expiresAt", "is empty; write a time, or omit it"},
      {expiring("~"), "a.yaml:15: spec.expiresAt", "is empty; write a time, or omit it"},
      {expiring("''"), "a.yaml:15: spec.expiresAt", "\"\" is not a time"},
      {expiring("tomorrow"), "a.yaml:15: spec.expiresAt", "\"tomorrow\" is not a time"},
      {expiring("infinite-future"), "a.yaml:15: spec.expiresAt", "is not a time"},
      {expiring("2099-01-01"), "a.yaml:15: spec.expiresAt", "is not a time"},
      {expiring("2099-01-01T00:00:00"), "a.yaml:15: spec.expiresAt", "is not a time"},
      {expiring("2099-02-30T00:00:00Z"), "a.yaml:15: spec.expiresAt", "is not a time"},
      {expiring("2099-01-01T25:00:00Z"), "a.yaml:15: spec.expiresAt", "is not a time"},
      {expiring("4070908800"), "a.yaml:15: spec.expiresAt", "\"4070908800\" is not a time"},
      {token(kTokenValue, "u", "---\n") +
           Document("Token", "t2", absl::StrCat("  username: u\n  value: ", kTokenValue, "\n")),
       "a.yaml:22: spec.value", "is already the value of another Token, in a.yaml:13"},
  };
  for (const Mistake& mistake : mistakes) ExpectTheOnlyError(mistake);
}

TEST(PolicyFilesErrorsTest, RefusesBadConfigurationsAndCaches) {
  const auto configuration = [](absl::string_view spec) {
    return Document("Configuration", "a", spec);
  };
  const auto cache = [](absl::string_view upstream) {
    return Document("PullThroughCache", "a",
                    absl::StrCat("  upstream: {", upstream, "}\n  scopes: [a]\n"));
  };
  const Mistake mistakes[] = {
      {configuration("  datadir: a\n"), "a.yaml:6: spec.datadir", "write dataDir"},
      {configuration("  web: a\n"), "a.yaml:6: spec.web", "is text but must be a map"},
      {configuration("  web:\n    port: 1\n"), "a.yaml:7: spec.web.port", "is not a known field"},
      {configuration("  web:\n    addr: nonsense\n"), "a.yaml:7: spec.web.addr",
       "invalid address \"nonsense\": "},
      {configuration("  web:\n    publicUrl: r.example\n"), "a.yaml:7: spec.web.publicUrl",
       "\"r.example\" is not an absolute URL"},
      {configuration("  web:\n    ui: maybe\n"), "a.yaml:7: spec.web.ui", "write true or false"},
      {configuration("  web:\n    ui: 'true'\n"), "a.yaml:7: spec.web.ui", "is text"},
      {configuration("  web:\n    tokenTimeout: 5x\n"), "a.yaml:7: spec.web.tokenTimeout",
       "\"5x\" is not a duration"},
      {configuration("  web:\n    shutdownDelay: soon\n"), "a.yaml:7: spec.web.shutdownDelay",
       "is not a duration"},
      {configuration("  web:\n    drainTimeout: 25h\n"), "a.yaml:7: spec.web.drainTimeout",
       "is too long; the maximum is 24h"},
      {configuration("  web:\n    tokenTimeout: -5\n"), "a.yaml:7: spec.web.tokenTimeout",
       "\"-5\" is not a duration"},
      {configuration("  web:\n    clientRequests: lots\n"), "a.yaml:7: spec.web.clientRequests",
       "\"lots\" is not a limit"},
      {configuration("  web: {userRequests: -1}\n"), "a.yaml:6: spec.web.userRequests",
       "\"-1\" is not a limit"},
      {configuration("  registry: {sparse: '['}\n"), "a.yaml:6: spec.registry.sparse",
       "is not a regular expression"},
      {cache("timeout: 5s"), "a.yaml:6: spec.upstream.url", "is missing"},
      {cache("url: docker.io"), "a.yaml:6: spec.upstream.url", "is not a registry address"},
      {cache("url: 'ftp://a'"), "a.yaml:6: spec.upstream.url", "is not a registry address"},
      {cache("url: 'https://a', ttl: 1w"), "a.yaml:6: spec.upstream.ttl", "is not a duration"},
      {cache("url: 'https://a', passwd: a"), "a.yaml:6: spec.upstream.passwd",
       "is not a known field"},
      {Document("PullThroughCache", "a", "  scopes: [a]\n"), "a.yaml:5: spec.upstream",
       "is missing"},
      {Document("PullThroughCache", "a", "  upstream: {url: http://a}\n"), "a.yaml:5: spec.scopes",
       "is missing"},
      {Document("PullThroughCache", "a", "  upstream: {url: http://a}\n  scopes: ['*']\n"),
       "a.yaml:7: spec.scopes[0]", "is not a regular expression"},
  };
  for (const Mistake& mistake : mistakes) ExpectTheOnlyError(mistake);
}

}  // namespace
}  // namespace registry::app
