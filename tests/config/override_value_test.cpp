#include "config/override_value.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <vector>

namespace meap {
namespace {

using Texts = std::vector<std::string>;

Texts ListOf(const std::string& value) { return YAML::Load(OverrideYaml(value)).as<Texts>(); }

TEST(OverrideYaml, TextsMayBeginWithAnything) {
  for (const char* text : {"*.jsonl", "*", "&x", "!x", "%tok", "@tok", "`x", "|x", ">x", "#1",
                           "*'s \"q\" \\n", "* a: b"}) {
    EXPECT_EQ(YAML::Load(OverrideYaml(text)).as<std::string>(), text);
  }
}

TEST(OverrideYaml, ItemsMayToo) {
  EXPECT_EQ(ListOf("[s.jsonl, *.jsonl]"), (Texts{"s.jsonl", "*.jsonl"}));
  EXPECT_EQ(ListOf("[*[0-9].jsonl,&b , 'x, *y', \"\\\"*\"]"),
            (Texts{"*[0-9].jsonl", "&b", "x, *y", "\"*"}));
  EXPECT_EQ(ListOf("[a*, b:*c]"), (Texts{"a*", "b:*c"}));
  const YAML::Node map = YAML::Load(OverrideYaml("{train: *.txt, validation: [@a, b]}"));
  EXPECT_EQ(map["train"].as<std::string>(), "*.txt");
  EXPECT_EQ(map["validation"].as<Texts>(), (Texts{"@a", "b"}));
}

TEST(OverrideYaml, EverythingElseStaysAsItIs) {
  for (const char* text :
       {"", " ", "3", "a.jsonl", "[a, \"b c\"]", "'*'", "[[1, 2], 3]", "[a", "a & b", "{a: 1}"}) {
    EXPECT_EQ(OverrideYaml(text), text);
  }
}

}  // namespace
}  // namespace meap
