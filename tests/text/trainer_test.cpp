#include <gmock/gmock.h>

#include <random>

#include "core/files.h"
#include "tests/support.h"
#include "text/bpe_trainer.h"

namespace meap {
namespace {

using ::meap::testing::ErrorOf;
using ::meap::testing::TempDir;

/// A source of the given documents.
DocumentSource SourceOf(std::vector<std::string> documents) {
  auto next = std::make_shared<size_t>(0);
  return [documents = std::move(documents), next](std::string& text) {
    if (*next == documents.size()) return false;
    text = documents[(*next)++];
    return true;
  };
}

/// Documents of words with a skewed distribution, the same at each call.
std::vector<std::string> RandomDocuments(size_t count) {
  std::mt19937 random(7);
  std::vector<std::string> documents;
  for (size_t d = 0; d < count; ++d) {
    std::string text;
    for (int w = 0; w < 200; ++w) {
      const uint32_t word = random() % (1 + random() % 3000);
      text += ' ';
      for (uint32_t rest = word + 3; rest > 0; rest /= 7) text += "aeioust"[rest % 7];
      if (w % 17 == 0) text += "\xC3\xA9";
    }
    documents.push_back(std::move(text));
  }
  return documents;
}

TEST(CountWordsTest, CountsWordsOfThePattern) {
  const WordCounts counts = CountWords(SourceOf({"it's it's 1234\n", " it \xFF"}), {});
  std::map<std::string, int64_t> words;
  for (const auto& [text, count] : counts.words) words[text] = count;
  const std::map<std::string, int64_t> expected = {{"it", 1}, {"'s", 2},           {" it", 2},
                                                   {" ", 1},  {"123", 1},          {"4", 1},
                                                   {"\n", 1}, {" \xEF\xBF\xBD", 1}};
  EXPECT_EQ(words, expected);
  EXPECT_EQ(counts.documents, 2);
  EXPECT_EQ(counts.bytes, 20);
}

TEST(CountWordsTest, ForgetsTheRarestBeyondTheMemoryLimit) {
  const std::vector<std::string> documents = RandomDocuments(50);
  WordCountOptions options;
  options.memory_bytes = 200 << 10;
  const WordCounts few = CountWords(SourceOf(documents), options);
  const WordCounts all = CountWords(SourceOf(documents), {});
  EXPECT_LT(few.words.size(), all.words.size());
  EXPECT_GT(few.dropped, 0);
  int64_t total = 0;
  for (const auto& word : all.words) total += word.count;
  for (const auto& word : few.words) total -= word.count;
  EXPECT_EQ(total, few.dropped);
}

TEST(TrainerTest, FindsTheMergesOfAWorkedExample) {
  // ab: 3 + 2 = 5 times, then (ab, c) 3 times, then nothing as frequent as 3.
  const WordCounts counts = CountWords(SourceOf({"abc\nabc\nabc\nab\nab\nxy\nxy"}), {});
  BpeTrainOptions options;
  options.vocab_size = 300;
  options.min_count = 3;
  const Tokenizer tokenizer = TrainByteLevelBpe(counts, options);
  EXPECT_EQ(tokenizer.VocabSize(), 262);
  EXPECT_EQ(tokenizer.IdToToken(260), "ab");
  EXPECT_EQ(tokenizer.IdToToken(261), "abc");
  EXPECT_EQ(tokenizer.Encode("abc", true), (std::vector<int32_t>{0, 261}));
  EXPECT_EQ(tokenizer.bos(), 0);
  EXPECT_EQ(tokenizer.eos(), 1);
  EXPECT_EQ(tokenizer.pad(), 2);
  EXPECT_EQ(tokenizer.mask(), 3);
  EXPECT_TRUE(tokenizer.AddsBos());
}

TEST(TrainerTest, AnyNumberOfThreadsGivesTheSameBytes) {
  const std::vector<std::string> documents = RandomDocuments(300);
  std::vector<std::string> files;
  for (const int threads : {1, 2, 3, 8}) {
    WordCountOptions count_options;
    count_options.threads = threads;
    BpeTrainOptions options;
    options.threads = threads;
    options.vocab_size = 1000;
    options.parallel_words = 50;
    const TempDir dir;
    TrainByteLevelBpe(CountWords(SourceOf(documents), count_options), options).Save(dir / "t");
    files.push_back(ReadFile(dir / "t" / "tokenizer.json", "test"));
  }
  EXPECT_THAT(files, ::testing::Each(files[0]));
}

TEST(TrainerTest, DecodesWhatItEncodes) {
  const std::vector<std::string> documents = RandomDocuments(20);
  BpeTrainOptions options;
  options.vocab_size = 500;
  const Tokenizer tokenizer = TrainByteLevelBpe(CountWords(SourceOf(documents), {}), options);
  for (const std::string& text : documents) {
    EXPECT_EQ(tokenizer.Decode(tokenizer.Encode(text, false), false), text);
    EXPECT_LT(tokenizer.Encode(text, false).size(), text.size());
  }
}

TEST(TrainerTest, RefusesAVocabularyWithoutRoomForBytes) {
  BpeTrainOptions options;
  options.vocab_size = 259;
  const ErrorParts error = ErrorOf([&] { TrainByteLevelBpe({}, options); });
  EXPECT_EQ(error.where, "--vocab-size");
  EXPECT_EQ(error.got, "259");
}

}  // namespace
}  // namespace meap
