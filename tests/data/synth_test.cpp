#include "data/synth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <set>

#include "tests/data/data_support.h"

namespace meap {
namespace {

using ::testing::Contains;
using testing::ErrorOf;
using testing::Get;
using ::testing::HasSubstr;
using testing::ReadAll;
using testing::TempDir;

SynthOptions AnyOptions() {
  return {.seed = *rc::gen::arbitrary<uint64_t>(),
          .facts = *rc::gen::inRange(1, kMaxSynthFacts + 1),
          .filler = *rc::gen::inRange(0, 30),
          .repeats = *rc::gen::inRange(1, 4),
          .sentences = *rc::gen::arbitrary<bool>()};
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Synth, EveryStoryAsksForEveryFactItStates) {
  EXPECT_TRUE(rc::check([] {
    const SynthOptions options = AnyOptions();
    const std::string text = SynthDocument(options, *rc::gen::inRange<uint64_t>(0, 1 << 20));
    RC_ASSERT(Count(text, "Question: ") == static_cast<size_t>(options.facts));
    RC_ASSERT(text.find('{') == std::string::npos);  // every slot was filled
    RC_ASSERT(text.find("  ") == std::string::npos);
    const std::string prose = text.substr(0, text.find('\n'));
    for (size_t at = text.find("\nAnswer: "); at != std::string::npos;
         at = text.find("\nAnswer: ", at + 1)) {
      const size_t begin = at + 9;
      std::string answer = text.substr(begin, text.find(".\n", begin) - begin);
      if (options.sentences) {
        RC_ASSERT(answer.starts_with("The "));
        answer = answer.substr(1);  // "The" begins a sentence here, "the" mostly does not there
      }
      RC_ASSERT(prose.find(answer + ".") != std::string::npos);
    }
  }));
}

TEST(Synth, ProbesAskForOneFactOfTheirContext) {
  EXPECT_TRUE(rc::check([] {
    const SynthOptions options = AnyOptions();
    const SynthProbe probe = MakeSynthProbe(options, *rc::gen::inRange<uint64_t>(0, 1 << 20));
    RC_ASSERT(probe.facts == options.facts);
    RC_ASSERT(probe.choices.size() == 4u);
    RC_ASSERT(std::set<std::string>(probe.choices.begin(), probe.choices.end()).size() == 4u);
    RC_ASSERT(std::count(probe.choices.begin(), probe.choices.end(), probe.answer) == 1);
    RC_ASSERT(probe.depth >= 0 && probe.depth < 1);
    RC_ASSERT(probe.context.find(" " + probe.answer + ".") != std::string::npos);
    RC_ASSERT(probe.question.starts_with("Question: "));
    RC_ASSERT(probe.question.find("?\nAnswer:") != std::string::npos);
    RC_ASSERT(probe.question.ends_with(options.sentences ? " is" : "?\nAnswer:"));
  }));
}

TEST(Synth, TheNumberOfFactsVariesWithinItsBounds) {
  std::map<int, int> seen;
  for (uint64_t i = 0; i < 300; ++i)
    ++seen[MakeSynthProbe({.facts = 3, .min_facts = 1, .filler = 0}, i).facts];
  ASSERT_EQ(seen.size(), 3u);
  for (int facts = 1; facts <= 3; ++facts) EXPECT_GT(seen[facts], 60) << facts;
}

TEST(Synth, AnswersCannotBeGuessedFromPosition) {
  std::map<size_t, int> places;
  std::set<std::string> contexts;
  for (uint64_t i = 0; i < 400; ++i) {
    const SynthProbe probe = MakeSynthProbe({.seed = 5}, i);
    const auto at = std::find(probe.choices.begin(), probe.choices.end(), probe.answer);
    ++places[static_cast<size_t>(at - probe.choices.begin())];
    contexts.insert(probe.context);
  }
  EXPECT_EQ(contexts.size(), 400u);
  for (size_t place = 0; place < 4; ++place) EXPECT_GT(places[place], 65);
}

TEST(Synth, ProbesAreNotTheTrainingStories) {
  std::set<std::string> stories;
  for (uint64_t i = 0; i < 2000; ++i) {
    const std::string text = SynthDocument({}, i);
    stories.insert(text.substr(0, text.find('\n') + 1));
  }
  EXPECT_EQ(stories.size(), 2000u);
  for (uint64_t i = 0; i < 2000; ++i) {
    EXPECT_FALSE(stories.contains(MakeSynthProbe({}, i).context));
  }
}

TEST(Synth, FilesDependOnSeedAndOptionsAlone) {
  const TempDir dir;
  const SynthOptions options{.seed = 3, .facts = 2};
  const SynthSummary summary = WriteSynthDocuments(dir / "a.jsonl", 5000, options, 1);
  WriteSynthDocuments(dir / "b.jsonl", 5000, options, 4);
  EXPECT_EQ(Get(dir / "a.jsonl"), Get(dir / "b.jsonl"));
  EXPECT_EQ(summary.bytes, Get(dir / "a.jsonl").size());
  EXPECT_EQ(ReadAll(dir / "a.jsonl").at(4999), SynthDocument(options, 4999));
  WriteSynthDocuments(dir / "c.jsonl", 100, {.seed = 4, .facts = 2}, 1);
  EXPECT_FALSE(Get(dir / "a.jsonl").starts_with(Get(dir / "c.jsonl")));
  WriteSynthProbes(dir / "p.jsonl", 3, options, 1);
  EXPECT_THAT(Get(dir / "p.jsonl"), HasSubstr("\"choices\":["));
  ErrorOf([&] { WriteSynthDocuments(dir / "a.txt", 1, options, 1); });
  ErrorOf([&] { WriteSynthDocuments(dir / "d.jsonl", 1, {.facts = 13}, 1); });
  EXPECT_FALSE(fs::exists(dir / "d.jsonl"));
}

}  // namespace
}  // namespace meap
