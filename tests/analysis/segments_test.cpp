#include "analysis/segment_attention.h"
#include "core/files.h"
#include "tests/analysis/analysis_support.h"

namespace meap {
namespace {

using testing::ErrorOf;
using testing::FreshModel;
using testing::TempDir;

TEST(EncodeSegments, ATokenBelongsWhereItsFirstCharacterLies) {
  MEAP_NEEDS_SHARED();
  const Tokenizer tokenizer = Tokenizer::Load(testing::SharedRoot() / "data/tokenizers/llama3");
  const auto tokens = EncodeSegments(
      tokenizer, {{"a", "In the country."}, {"b", " Designed by"}, {"a", " \U0001f5fc!"}});
  EXPECT_EQ(tokens.names, (std::vector<std::string>{"special", "a", "b"}));
  ASSERT_EQ(tokens.segment.size(), tokens.ids.size());
  EXPECT_EQ(tokens.segment[0], 0);  // <|begin_of_text|>
  std::string a, b;
  for (size_t i = 1; i < tokens.ids.size(); ++i) {
    (tokens.segment[i] == 2 ? b : a) += *tokenizer.IdToToken(tokens.ids[i]);
  }
  EXPECT_EQ(b, "\u0120Designed\u0120by");
  EXPECT_TRUE(a.starts_with("In\u0120the\u0120country."));
}

TEST(EncodeSegments, ATokenAcrossABorderCountsToTheFirstSegment) {
  const LoadedModel loaded = FreshModel(1);
  const auto whole = loaded.tokenizer.Encode("the the", false);
  const auto tokens = EncodeSegments(loaded.tokenizer, {{"one", "t"}, {"two", "he the"}});
  EXPECT_EQ(tokens.ids, loaded.tokenizer.Encode("the the", true));
  EXPECT_EQ(tokens.segment.size(), tokens.ids.size());
  EXPECT_EQ(tokens.names[static_cast<size_t>(tokens.segment.back())], "two");
}

TEST(MeasureSegments, SharesSumToOneFromTheTextAndFromTheAnswer) {
  const LoadedModel loaded = FreshModel(3);
  const auto shares = MeasureSegments(loaded, {{"a", "one two "}, {"b", "three"}}, 5);
  EXPECT_TRUE(at::allclose(shares.last_token_LHC.sum(2), at::ones({2, 4}, at::kDouble)));
  ASSERT_TRUE(shares.generated_LHC.defined());
  EXPECT_EQ(shares.tokens.names.back(), "generated");
  EXPECT_TRUE(at::allclose(shares.generated_LHC.sum(2), at::ones({2, 4}, at::kDouble)));
  EXPECT_GT(shares.generated_LHC.select(2, shares.generated_LHC.size(2) - 1).min().item<double>(),
            0);
}

TEST(MeasureSegments, ATextBeyondTheContextIsRefused) {
  const LoadedModel loaded = FreshModel(3, 2, 4, 2, 8);
  const auto parts = ErrorOf([&] {
    MeasureSegments(loaded, {{"a", "a text of many more tokens than eight"}}, 0);
  });
  EXPECT_EQ(parts.expected, "at most 8 tokens");
}

TEST(ReadSegments, SaysWhatIsWrongAndWhere) {
  const TempDir dir;
  const auto where = [&](const std::string& text) {
    WriteFileAtomically(dir / "s.json", text);
    const auto parts = ErrorOf([&] { ReadSegments(dir / "s.json"); });
    return parts.where.substr(parts.where.find("s.json") + 6) + " " + parts.got;
  };
  EXPECT_EQ(where("{"), " text that is no JSON");
  EXPECT_EQ(where("[]"), " no list \"segments\"");
  EXPECT_EQ(where(R"({"segments": []})"), " no list \"segments\"");
  EXPECT_EQ(where(R"({"segments": [{"name": "a", "text": "x"}, {"name": "b"}]})"),
            ": segments[1] no text under \"text\"");
  EXPECT_EQ(where(R"({"segments": [{"name": 1, "text": "x"}]})"),
            ": segments[0] no text under \"name\"");
  EXPECT_EQ(where(R"({"segments": [{"name": "a", "text": ""}]})"), " segments without any text");
  EXPECT_EQ(where(R"({"segments": [{"name": "special", "text": "x"}]})"), ": segments[0] ");
  WriteFileAtomically(dir / "s.json", R"({"segments": [{"name": "a", "text": "x"}]})");
  EXPECT_EQ(ReadSegments(dir / "s.json")[0].text, "x");
}

TEST(EiffelTower, IsTheFiguresText) {
  std::vector<std::string> names;
  for (const TextSegment& segment : EiffelTower()) names.push_back(segment.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"context-before", "answer", "context-after", "query"}));
}

}  // namespace
}  // namespace meap
