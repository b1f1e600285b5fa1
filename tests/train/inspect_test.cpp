#include "train/inspect.h"

#include <gmock/gmock.h>

#include "tests/support.h"

namespace meap {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RowsToTextTest : public ::testing::Test {
 protected:
  RowsToTextTest() : tokenizer_(Tokenizer::Load(testing::Fixture("tokenizers/some-bytes"))) {
    mask_ = tokenizer_.AddMaskToken();
    ids_ = tokenizer_.Encode("abcdef", false);
  }

  /// A row of the tokens, each position predicting the next, the last nothing.
  TrainingRows Row() const {
    TrainingRows rows{.rows = 1, .length = static_cast<int64_t>(ids_.size())};
    for (size_t t = 0; t < ids_.size(); ++t) {
      rows.input_ids.push_back(ids_[t]);
      rows.labels.push_back(t + 1 < ids_.size() ? ids_[t + 1] : kNoLabel);
      rows.position_ids.push_back(static_cast<int64_t>(t));
    }
    rows.segment_ids.assign(ids_.size(), 0);
    rows.sample_ids.assign(ids_.size(), 7);
    rows.masked.assign(ids_.size(), 0);
    return rows;
  }

  Tokenizer tokenizer_;
  int32_t mask_ = -1;
  std::vector<int32_t> ids_;
};

TEST_F(RowsToTextTest, ColoursTellMasksRandomTokensAndKeptOnesApart) {
  ASSERT_GE(ids_.size(), 5U);
  TrainingRows rows = Row();
  rows.masked = {1, 1, 1, 1, 0, 0};
  rows.masked.resize(ids_.size(), 0);
  rows.input_ids[1] = mask_;
  rows.input_ids[2] = ids_[0];
  const std::string text = RowsToText(rows, tokenizer_, /*color=*/true);
  const auto named = [&](size_t t) { return tokenizer_.Decode({&ids_[t], 1}, false); };
  EXPECT_THAT(text, HasSubstr("\x1b[1mrow 0: sample 7, 4 of"));
  EXPECT_THAT(text, HasSubstr("\x1b[45;97m[RANDOM|KEEP:" + named(0) + "]\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("\x1b[41;97m[MASK:" + named(1) + "]\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("\x1b[44;97m[RANDOM:" + named(2) + ">" + named(0) + "]\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("\x1b[42;97m[KEEP:" + named(3) + "]\x1b[0m"));
}

TEST_F(RowsToTextTest, LearntTokensAreGreenWhereOnlySomeAre) {
  TrainingRows rows = Row();
  std::fill(rows.labels.begin() + 2, rows.labels.end(), kNoLabel);  // tokens 1 and 2 are learnt
  const std::string learnt =
      tokenizer_.Decode({&ids_[1], 1}, false) + tokenizer_.Decode({&ids_[2], 1}, false);
  EXPECT_THAT(RowsToText(rows, tokenizer_, true), HasSubstr("\x1b[32m" + learnt + "\x1b[0m"));
  const std::string plain = RowsToText(rows, tokenizer_, false);
  EXPECT_THAT(plain, HasSubstr("«" + learnt + "»"));
  EXPECT_THAT(plain, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace meap
