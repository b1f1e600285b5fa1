#include "infer/text_stream.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/support.h"

namespace meap {
namespace {

const Tokenizer& Bytes() {
  static const Tokenizer tokenizer = Tokenizer::Load(testing::Fixture("tokenizers/qwen2"));
  return tokenizer;
}

/// The pieces of `text` pushed token by token, joined; each must be whole characters.
std::string Stream(const std::string& text, const std::vector<std::string>& stop,
                   std::vector<std::string>* pieces = nullptr) {
  TextStream stream(Bytes(), stop);
  std::string joined;
  for (const int32_t id : Bytes().Encode(text, false)) {
    const std::string piece = stream.Push(id);
    if (pieces != nullptr) pieces->push_back(piece);
    joined += piece;
    if (stream.stopped()) break;
  }
  return joined + stream.Finish();
}

TEST(TextStream, EndsBeforeTheEarliestStopString) {
  EXPECT_EQ(Stream("one. Two\n\nthree", {"\n\n", "Two"}), "one. ");
  EXPECT_EQ(Stream("one. Two\n\nthree", {"\n\n", "none"}), "one. Two");
  EXPECT_EQ(Stream("one", {"one"}), "");
  EXPECT_EQ(Stream("aab", {"ab"}), "a");
  EXPECT_EQ(Stream("\u00e9t\u00e9 \U0001f600!", {"\U0001f600"}), "\u00e9t\u00e9 ");
}

TEST(TextStream, WithoutAStopStringItIsTheText) {
  for (const std::string text : {"a \n", "\u00e9t\u00e9 \u4f60\u597d \U0001f600\U0001f468", ""}) {
    EXPECT_EQ(Stream(text, {}), text);
    EXPECT_EQ(Stream(text, {"", "zzz"}), text);
  }
}

TEST(TextStream, HoldsBackWhatMayBecomeAStopString) {
  TextStream stream(Bytes(), {"b c d"});
  std::string released;
  for (const int32_t id : Bytes().Encode("a b c", false)) released += stream.Push(id);
  EXPECT_EQ(released, "a ");
  EXPECT_EQ(stream.Finish(), "b c");
  EXPECT_FALSE(stream.stopped());
}

RC_GTEST_PROP(TextStream, CutsAtTheFirstStopStringOfTheWholeText, ()) {
  const auto letters = rc::gen::container<std::string>(rc::gen::element('a', 'b', ' '));
  const std::string text = *letters;
  const auto stop = *rc::gen::container<std::vector<std::string>>(letters);
  size_t end = text.size();
  for (const std::string& word : stop) {
    if (!word.empty()) end = std::min(end, text.find(word));
  }
  // A later token may complete an earlier stop string only if it begins earlier: the cut is exact
  // at the token where the first one is whole.
  const std::string got = Stream(text, stop);
  RC_ASSERT(text.starts_with(got));
  RC_ASSERT(got.size() >= end);
  for (const std::string& word : stop) RC_ASSERT(word.empty() || got.find(word) == got.npos);
}

}  // namespace
}  // namespace meap
