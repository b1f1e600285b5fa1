#include "core/strings.h"

#include <gtest/gtest.h>

namespace meap {
namespace {

TEST(Strings, BlankTexts) {
  for (const char* blank : {"", " ", "\t\r\n "}) EXPECT_TRUE(IsBlank(blank));
  for (const char* text : {"a", " a ", "\u00a0"}) EXPECT_FALSE(IsBlank(text));
}

TEST(Strings, AByteOrderMarkIsTakenOnceAndFromTheStartAlone) {
  EXPECT_EQ(WithoutByteOrderMark("\uFEFFa"), "a");
  EXPECT_EQ(WithoutByteOrderMark("\uFEFF\uFEFF"), "\uFEFF");
  EXPECT_EQ(WithoutByteOrderMark("a\uFEFF"), "a\uFEFF");
  EXPECT_EQ(WithoutByteOrderMark("\xEF\xBB"), "\xEF\xBB");
}

}  // namespace
}  // namespace meap
