#include "core/json.h"

#include <gtest/gtest.h>

#include <string>

namespace meap {
namespace {

TEST(FindKey, TakesTheLastOfEqualKeys) {
  simdjson::dom::parser parser;
  const std::string text = R"({"a": 1, "b": {"a": 5}, "\u0061": 2, "c": 3})";
  const simdjson::dom::element root = parser.parse(text);
  simdjson::dom::element value;
  ASSERT_TRUE(FindKey(root, "a", value));
  EXPECT_EQ(value.get_int64().value(), 2);
  EXPECT_FALSE(FindKey(root, "d", value));
  EXPECT_EQ(value.get_int64().value(), 2);
  ASSERT_TRUE(FindKey(root, "b", value));
  ASSERT_TRUE(FindKey(value, "a", value));
  EXPECT_EQ(value.get_int64().value(), 5);
  EXPECT_FALSE(FindKey(value, "a", value));
}

}  // namespace
}  // namespace meap
