#include "evaltext/rouge.h"

#include "evaltext/data_items.h"
#include "evaltext/porter.h"
#include "tests/support.h"

namespace meap {
namespace {

// Stems as the Python package nltk has them, of words of our own texts and made-up ones.
TEST(RougeTest, StemsAreThoseOfTheReference) {
  const auto stems =
      nlohmann::json::parse(ReadFile(testing::Fixture("evaltext/porter_stems.json"), "test"));
  EXPECT_GT(stems.size(), 1000U);
  for (const auto& [word, stem] : stems.items()) EXPECT_EQ(PorterStem(word), stem) << word;
}

// Scores as the Python package rouge_score has them (use_stemmer), of made-up texts.
TEST(RougeTest, ScoresAreThoseOfTheReference) {
  for (const DataItem& line : ReadDataItems(testing::Fixture("evaltext/rouge.jsonl"))) {
    const Rouge rouge = RougeScores(line.Text("reference"), line.Text("text"));
    EXPECT_NEAR(rouge.rouge1, line.object().at("rouge1").get<double>(), 1e-12) << line.place();
    EXPECT_NEAR(rouge.rouge2, line.object().at("rouge2").get<double>(), 1e-12) << line.place();
    EXPECT_NEAR(rouge.rouge_l, line.object().at("rougeL").get<double>(), 1e-12) << line.place();
  }
}

}  // namespace
}  // namespace meap
