#include "app/config/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace registry::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr FlagName kFlags[] = {
    {"o", "output"},
    {"output", "output"},
    {"dry", "dry", FlagKind::kSwitch},
    {"groups", "groups", FlagKind::kValues},
};
constexpr CommandSyntax kSyntax = {.command = "test", .flags = kFlags, .takes_words = true};

Arguments Read(const std::vector<const char*>& args) {
  absl::StatusOr<Arguments> arguments = ReadArguments(kSyntax, args);
  EXPECT_TRUE(arguments.ok()) << arguments.status();
  return arguments.ok() ? *std::move(arguments) : Arguments();
}

std::string Error(const std::vector<const char*>& args) {
  return std::string(ReadArguments(kSyntax, args).status().message());
}

TEST(ArgumentsTest, WordsStandBetweenFlags) {
  const Arguments arguments = Read({"users", "-o", "json", "create", "-groups=a", "bob"});
  EXPECT_THAT(arguments.words, ElementsAre("users", "create", "bob"));
  EXPECT_EQ(arguments.settings.at("output").value(), "json");
  EXPECT_EQ(arguments.settings.at("output").source, "flag -o");
}

TEST(ArgumentsTest, ASwitchTakesNoValueAndNoWord) {
  const Arguments arguments = Read({"-dry", "word"});
  EXPECT_THAT(arguments.words, ElementsAre("word"));
  EXPECT_THAT(arguments.settings.at("dry").values, IsEmpty());
  EXPECT_THAT(Error({"-dry=yes"}), HasSubstr("flag -dry takes no value"));
  EXPECT_THAT(Error({"-dry", "-dry"}), HasSubstr("flag -dry is given twice"));
}

TEST(ArgumentsTest, ValuesAddUpInTheirOrder) {
  EXPECT_THAT(
      Read({"-groups", "b", "-o=x", "-groups=a", "-groups", ""}).settings.at("groups").values,
      ElementsAre("b", "a", ""));
}

TEST(ArgumentsTest, AFlagGivenUnderTwoNamesIsAnError) {
  EXPECT_THAT(Error({"-o", "json", "-output", "table"}),
              HasSubstr("flag -o and flag -output are the same flag: give one"));
}

TEST(ArgumentsTest, UnknownFlagsAreNamedWithoutTheirValues) {
  EXPECT_THAT(Error({"-secret=hush"}), HasSubstr("unknown flag \"-secret\""));
  EXPECT_THAT(Error({"-secret=hush"}), Not(HasSubstr("hush")));
}

TEST(ArgumentsTest, SwitchesHaveNoVariable) {
  const absl::StatusOr<Settings> settings =
      ReadEnvironment(kSyntax, {{"SIMPLE_REGISTRY_DRY", "1"}, {"SIMPLE_REGISTRY_GROUPS", "a"}});
  ASSERT_TRUE(settings.ok());
  EXPECT_FALSE(settings->contains("dry"));
  EXPECT_THAT(settings->at("groups").values, ElementsAre("a"));
}

}  // namespace
}  // namespace registry::app
