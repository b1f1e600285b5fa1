// The layouts of fine-tuning samples, worked out by hand: prompt u v, answer a b c, end e, BOS s.
#include "objective/finetune.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

#include "objective/rows.h"

namespace meap {
namespace {

using Layout = FinetuneObjective::Layout;
using MaskSpan = FinetuneObjective::MaskSpan;
using Form = SamplePlan::Form;
using Row = std::vector<int64_t>;

constexpr int32_t kMask = 99;
constexpr int64_t kNo = kNoLabel;
constexpr int32_t s = 1, u = 10, v = 11, a = 20, b = 21, c = 22, e = 2;

/// "s" BOS or marker, "p" prompt, "a" answer, "e" end: one letter a token.
TaggedTokens Sample(const std::vector<int32_t>& ids, const std::string& roles) {
  TaggedTokens sample{.ids = ids};
  for (const char role : roles) {
    sample.roles.push_back(role == 'a'   ? TokenRole::kAnswer
                           : role == 'e' ? TokenRole::kEnd
                                         : TokenRole::kPrompt);
    sample.special.push_back(role == 's' || role == 'e' ? 1 : 0);
  }
  return sample;
}

TaggedTokens Example() { return Sample({s, u, v, a, b, c, e}, "sppaaae"); }

/// [BOS] 2 prompt tokens, `answer` answer tokens, end.
TaggedTokens WithAnswer(int64_t answer) {
  std::vector<int32_t> ids = {s, u, v};
  for (int64_t i = 0; i < answer; ++i) ids.push_back(static_cast<int32_t>(100 + i));
  ids.push_back(e);
  return Sample(ids, "spp" + std::string(static_cast<size_t>(answer), 'a') + "e");
}

FinetuneObjective Meap(Layout layout, int64_t min_answer_tokens = 2) {
  return {.duplicates = true,
          .layout = layout,
          .mask_span = layout == Layout::kSeparate ? MaskSpan::kAnswer : MaskSpan::kSample,
          .mask_id = kMask,
          .bos_id = s,
          .min_answer_tokens = min_answer_tokens,
          .seed = 7};
}

/// The sequence of the first sample id whose one mask falls on `index`.
FinetuneSequence WithMaskAt(const FinetuneObjective& objective, const TaggedTokens& sample,
                            SamplePart part, size_t index) {
  const SamplePlan plan = PlanSample(objective, sample, 64, false);
  for (uint64_t id = 0; id < 1000; ++id) {
    FinetuneSequence sequence = LayOut(objective, sample, plan, part, 0, id);
    if (sequence.masked.at(index) != 0) return sequence;
  }
  ADD_FAILURE() << "no draw takes index " << index;
  return LayOut(objective, sample, plan, part, 0, 0);
}

TEST(Concat, IsTheTableOfTheSpecification) {
  const FinetuneSequence row = WithMaskAt(Meap(Layout::kConcat), Example(), SamplePart::kPair, 9);
  EXPECT_EQ(row.input_ids, (Row{s, u, v, a, b, c, e, u, v, kMask, b, c, e}));
  EXPECT_EQ(row.labels, (Row{kNo, kNo, kNo, a, b, c, e, kNo, kNo, a, kNo, kNo, kNo}));
  EXPECT_EQ(row.positions, (Row{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  EXPECT_EQ(row.segments, Row(13, 0));
  EXPECT_EQ(row.masked, (std::vector<uint8_t>{0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}));
}

TEST(Concat, RestartGivesTheCopyTheOriginalsPositions) {
  FinetuneObjective objective = Meap(Layout::kConcat);
  objective.restart_positions = true;
  const FinetuneSequence row = WithMaskAt(objective, Example(), SamplePart::kPair, 9);
  EXPECT_EQ(row.positions, (Row{0, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6}));
}

TEST(Concat, WithoutBosTheCopyIsWholeAndItsFirstTokenMayBeMasked) {
  const TaggedTokens sample = Sample({u, v, a, b, c, e}, "ppaaae");
  const FinetuneSequence row = WithMaskAt(Meap(Layout::kConcat), sample, SamplePart::kPair, 6);
  EXPECT_EQ(row.input_ids, (Row{u, v, a, b, c, e, kMask, v, a, b, c, e}));
  EXPECT_EQ(row.labels, (Row{kNo, kNo, a, b, c, e, u, kNo, kNo, kNo, kNo, kNo}));
  EXPECT_EQ(row.positions, (Row{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
}

TEST(Separate, IsTwoRowsAsInTheTable) {
  const FinetuneObjective objective = Meap(Layout::kSeparate);
  const SamplePlan plan = PlanSample(objective, Example(), 64, false);
  EXPECT_EQ(PartsOf(objective, plan),
            (std::vector<SamplePart>{SamplePart::kOriginal, SamplePart::kCopy}));
  const FinetuneSequence first = LayOut(objective, Example(), plan, SamplePart::kOriginal, 0, 0);
  EXPECT_EQ(first.input_ids, (Row{s, u, v, a, b, c, e}));
  EXPECT_EQ(first.labels, (Row{kNo, kNo, kNo, a, b, c, e}));
  const FinetuneSequence second = WithMaskAt(objective, Example(), SamplePart::kCopy, 3);
  EXPECT_EQ(second.input_ids, (Row{s, u, v, kMask, b, c, e}));
  EXPECT_EQ(second.labels, (Row{kNo, kNo, kNo, a, kNo, kNo, kNo}));
  EXPECT_EQ(second.positions, (Row{0, 1, 2, 3, 4, 5, 6}));
}

TEST(Isolated, IsBothInOneRowWithAttentionAndPositionsOfEachAlone) {
  const FinetuneSequence row =
      WithMaskAt(Meap(Layout::kIsolated), Example(), SamplePart::kPair, 10);
  EXPECT_EQ(row.input_ids, (Row{s, u, v, a, b, c, e, s, u, v, kMask, b, c, e}));
  EXPECT_EQ(row.labels, (Row{kNo, kNo, kNo, a, b, c, e, kNo, kNo, kNo, a, kNo, kNo, kNo}));
  EXPECT_EQ(row.positions, (Row{0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(row.segments, (Row{0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1}));
}

/// The positions of `part` that some of 2,000 draws mask.
std::set<size_t> EverMasked(const FinetuneObjective& objective, const TaggedTokens& sample,
                            SamplePart part) {
  const SamplePlan plan = PlanSample(objective, sample, 1000, false);
  std::set<size_t> seen;
  for (uint64_t id = 0; id < 2000; ++id) {
    const FinetuneSequence row = LayOut(objective, sample, plan, part, 0, id);
    for (size_t t = 0; t < row.masked.size(); ++t) {
      if (row.masked[t] != 0) seen.insert(t);
    }
  }
  return seen;
}

TEST(MaskSpan, SampleIsAnyTokenOfTheCopyButSpecialOnes) {
  EXPECT_EQ(EverMasked(Meap(Layout::kConcat), Example(), SamplePart::kPair),
            (std::set<size_t>{7, 8, 9, 10, 11}));  // u v a b c, never e
  EXPECT_EQ(EverMasked(Meap(Layout::kIsolated), Example(), SamplePart::kPair),
            (std::set<size_t>{8, 9, 10, 11, 12}));
}

TEST(MaskSpan, IsolatedWithoutBosLeavesTheFirstTokenThatNothingPredicts) {
  const TaggedTokens sample = Sample({u, v, a, b, c, e}, "ppaaae");
  EXPECT_EQ(EverMasked(Meap(Layout::kIsolated), sample, SamplePart::kPair),
            (std::set<size_t>{7, 8, 9, 10}));
}

TEST(MaskSpan, SpecialTokensInsideTheTextAreNeverMasked) {
  TaggedTokens sample = Example();
  sample.special[2] = sample.special[4] = 1;  // v and b
  EXPECT_EQ(EverMasked(Meap(Layout::kConcat), sample, SamplePart::kPair),
            (std::set<size_t>{7, 9, 11}));
}

TEST(MaskSpan, ABosThatIsNotFlaggedIsOutsideTheCopyOfConcat) {
  TaggedTokens sample = Example();
  sample.special[0] = 0;
  EXPECT_EQ(EverMasked(Meap(Layout::kConcat), sample, SamplePart::kPair),
            (std::set<size_t>{7, 8, 9, 10, 11}));  // never 6, the original's end
}

TEST(MaskSpan, AnswerIsTheAnswerAloneAndNeverItsEnd) {
  EXPECT_EQ(EverMasked(Meap(Layout::kSeparate), Example(), SamplePart::kCopy),
            (std::set<size_t>{3, 4, 5}));
  FinetuneObjective concat = Meap(Layout::kConcat);
  concat.mask_span = MaskSpan::kAnswer;
  EXPECT_EQ(EverMasked(concat, Example(), SamplePart::kPair), (std::set<size_t>{9, 10, 11}));
}

int64_t Masks(const FinetuneObjective& objective, const TaggedTokens& sample) {
  const SamplePlan plan = PlanSample(objective, sample, 1000, false);
  const auto part = PartsOf(objective, plan).back();
  const FinetuneSequence row = LayOut(objective, sample, plan, part, 0, 3);
  return std::count(row.masked.begin(), row.masked.end(), 1);
}

TEST(MaskNumber, IsTheFloorAndAtLeastOne) {
  EXPECT_EQ(Masks(Meap(Layout::kConcat), WithAnswer(3)), 1);   // floor(0.5) of 5 eligible
  EXPECT_EQ(Masks(Meap(Layout::kConcat), WithAnswer(57)), 5);  // floor(5.9) of 59
  EXPECT_EQ(Masks(Meap(Layout::kConcat), WithAnswer(58)), 6);  // 60
  EXPECT_EQ(Masks(Meap(Layout::kIsolated), WithAnswer(58)), 6);
  EXPECT_EQ(Masks(Meap(Layout::kSeparate), WithAnswer(58)), 5);  // floor(5.8) of the answer
  EXPECT_EQ(Masks(Meap(Layout::kSeparate), WithAnswer(60)), 6);
}

TEST(MaskNumber, SeparateCountsTheWholeAnswerSpecialTokensToo) {
  TaggedTokens sample = WithAnswer(60);
  for (size_t i = 3; i < 23; ++i) sample.special[i] = 1;  // 40 of 60 may be masked
  EXPECT_EQ(Masks(Meap(Layout::kSeparate), sample), 6);
  FinetuneObjective concat = Meap(Layout::kConcat);
  concat.mask_span = MaskSpan::kAnswer;
  EXPECT_EQ(Masks(concat, sample), 4);
  for (size_t i = 3; i < 60; ++i) sample.special[i] = 1;  // 3 of 60
  EXPECT_EQ(Masks(Meap(Layout::kSeparate), sample), 3);
}

TEST(MinAnswerTokens, FiftyIsPlainAndFiftyOneIsDoubled) {
  const FinetuneObjective objective = Meap(Layout::kConcat, 50);
  EXPECT_EQ(PlanSample(objective, WithAnswer(50), 1000, false).form, Form::kPlain);
  EXPECT_EQ(PlanSample(objective, WithAnswer(51), 1000, false).form, Form::kDoubled);
}

TEST(Ntp, DoublesNothing) {
  FinetuneObjective objective = Meap(Layout::kConcat);
  objective.duplicates = false;
  const SamplePlan plan = PlanSample(objective, WithAnswer(80), 1000, false);
  EXPECT_EQ(plan.form, Form::kPlain);
  EXPECT_EQ(PartsOf(objective, plan), (std::vector<SamplePart>{SamplePart::kOriginal}));
}

TEST(EmptyInput, IsASampleLikeAnyOther) {  // BOS, one prompt token, answer, end
  const FinetuneSequence row =
      WithMaskAt(Meap(Layout::kConcat), Sample({s, u, a, b, c, e}, "spaaae"), SamplePart::kPair, 7);
  EXPECT_EQ(row.input_ids, (Row{s, u, a, b, c, e, u, kMask, b, c, e}));
  EXPECT_EQ(row.labels, (Row{kNo, kNo, a, b, c, e, kNo, a, kNo, kNo, kNo}));
}

TEST(TwoTurns, HistoryStaysEveryAnswerIsLearntAndTheLastDecides) {
  // s u | a b e | v | a b c e: answers of two and three tokens.
  const TaggedTokens sample = Sample({s, u, a, b, e, v, a, b, c, e}, "spaaepaaae");
  const FinetuneSequence row = WithMaskAt(Meap(Layout::kConcat), sample, SamplePart::kPair, 10);
  EXPECT_EQ(row.input_ids, (Row{s, u, a, b, e, v, a, b, c, e, kMask, a, b, e, v, a, b, c, e}));
  EXPECT_EQ(row.labels, (Row{kNo, kNo, a, b, e, kNo, a, b, c, e,  //
                             u, kNo, kNo, kNo, kNo, kNo, kNo, kNo, kNo}));
  const TaggedTokens short_last = Sample({s, u, a, b, c, e, v, a, b, e}, "spaaaepaae");
  EXPECT_EQ(PlanSample(Meap(Layout::kConcat), short_last, 64, false).form, Form::kPlain);
  EXPECT_EQ(EverMasked(Meap(Layout::kSeparate), sample, SamplePart::kCopy),
            (std::set<size_t>{6, 7, 8}));  // the last answer alone
}

TEST(TooLong, DropDropsAndTruncateCutsTheAnswersTailAndItsEnd) {
  const FinetuneObjective objective = Meap(Layout::kConcat, 50);
  const TaggedTokens sample = WithAnswer(20);  // 24 tokens
  EXPECT_EQ(PlanSample(objective, sample, 24, false).tokens, 24);
  EXPECT_EQ(PlanSample(objective, sample, 23, false).tokens, 0);
  const SamplePlan cut = PlanSample(objective, sample, 10, true);
  EXPECT_EQ(cut.tokens, 10);
  EXPECT_TRUE(cut.truncated);
  const FinetuneSequence row = LayOut(objective, sample, cut, SamplePart::kOriginal, 0, 0);
  EXPECT_EQ(row.labels, (Row{kNo, kNo, kNo, 100, 101, 102, 103, 104, 105, 106}));
}

TEST(TooLong, TruncateNeverLeavesARowWithoutALabel) {
  const FinetuneObjective objective = Meap(Layout::kConcat, 50);
  EXPECT_EQ(PlanSample(objective, WithAnswer(20), 4, true).tokens, 4);  // one answer token
  EXPECT_EQ(PlanSample(objective, WithAnswer(20), 3, true).tokens, 0);  // none: dropped
  // An answer that begins the sequence has a first token that nothing predicts.
  EXPECT_EQ(PlanSample(objective, Sample({a}, "a"), 8, true).tokens, 0);
}

TEST(TooLong, ADoubledFormThatDoesNotFitFallsBackToPlain) {
  const TaggedTokens sample = WithAnswer(60);  // 64 tokens; doubled 127, isolated 128
  EXPECT_EQ(PlanSample(Meap(Layout::kConcat), sample, 127, false).form, Form::kDoubled);
  EXPECT_EQ(PlanSample(Meap(Layout::kConcat), sample, 126, false).form, Form::kFellBack);
  EXPECT_EQ(PlanSample(Meap(Layout::kIsolated), sample, 128, false).form, Form::kDoubled);
  EXPECT_EQ(PlanSample(Meap(Layout::kIsolated), sample, 127, false).form, Form::kFellBack);
  EXPECT_EQ(PlanSample(Meap(Layout::kSeparate), sample, 64, false).form, Form::kDoubled);
  EXPECT_EQ(PlanSample(Meap(Layout::kSeparate), sample, 63, false).tokens, 0);
  // A cut sample has two rows of its own in separate, and no room beside itself elsewhere.
  EXPECT_EQ(PlanSample(Meap(Layout::kSeparate), sample, 63, true).form, Form::kDoubled);
  EXPECT_EQ(PlanSample(Meap(Layout::kConcat), sample, 63, true).form, Form::kFellBack);
}

TEST(Masks, AreFreshEachEpochOrTheSameWithStatic) {
  FinetuneObjective objective = Meap(Layout::kConcat);
  const TaggedTokens sample = WithAnswer(60);
  const SamplePlan plan = PlanSample(objective, sample, 1000, false);
  const auto masks = [&](uint32_t epoch, uint64_t id) {
    return LayOut(objective, sample, plan, SamplePart::kPair, epoch, id).masked;
  };
  EXPECT_EQ(masks(0, 1), masks(0, 1));
  EXPECT_NE(masks(0, 1), masks(1, 1));
  EXPECT_NE(masks(0, 1), masks(0, 2));
  const auto first = masks(0, 1);
  objective.static_masks = true;
  EXPECT_EQ(masks(0, 1), first);
  EXPECT_EQ(masks(5, 1), first);
  objective.seed = 8;
  EXPECT_NE(masks(0, 1), first);
}

RC_GTEST_PROP(LayOut, HoldsWhatEveryLayoutPromises, ()) {
  FinetuneObjective objective =
      Meap(*rc::gen::element(Layout::kConcat, Layout::kSeparate, Layout::kIsolated));
  objective.mask_span = *rc::gen::element(MaskSpan::kSample, MaskSpan::kAnswer);
  objective.restart_positions = *rc::gen::arbitrary<bool>();
  const TaggedTokens sample = WithAnswer(*rc::gen::inRange<int64_t>(1, 80));
  const auto limit = *rc::gen::inRange<int64_t>(1, 200);
  const SamplePlan plan = PlanSample(objective, sample, limit, true);
  for (const SamplePart part : PartsOf(objective, plan)) {
    const FinetuneSequence row = LayOut(objective, sample, plan, part, 1, 4);
    const auto length = static_cast<int64_t>(row.input_ids.size());
    RC_ASSERT(length == PartLength(objective, sample, plan, part));
    RC_ASSERT(length <= limit);
    RC_ASSERT(std::any_of(row.labels.begin(), row.labels.end(),
                          [](int64_t label) { return label != kNoLabel; }));
    for (int64_t t = 0; t < length; ++t) {
      if (row.masked[t] != 0) RC_ASSERT(row.input_ids[t] == kMask && row.labels[t] != kNoLabel);
      if (row.masked[t] == 0)
        RC_ASSERT(row.labels[t] == kNoLabel || row.labels[t] == row.input_ids[t]);
      const bool starts = t == 0 || row.segments[t] != row.segments[t - 1];
      if (starts) RC_ASSERT(row.labels[t] == kNoLabel && row.positions[t] == 0);
    }
  }
}

}  // namespace
}  // namespace meap
