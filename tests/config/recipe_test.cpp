#include "config/recipe.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support.h"

namespace meap {
namespace {

using testing::ErrorOf;

class RecipeTest : public ::testing::Test {
 protected:
  std::filesystem::path Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name) << text;
    return dir_ / name;
  }
  Recipe Load(const std::string& text, const std::vector<std::string>& overrides = {}) {
    return LoadRecipe(Write("r.yaml", text), overrides);
  }
  static constexpr const char* kMinimal = "tokenizer: tok\ndata.train: a.txt\n";
  meap::testing::TempDir dir_;
};

TEST_F(RecipeTest, NestedAndDottedKeysAreTheSame) {
  EXPECT_EQ(Load("tokenizer: t\ndata: {train: x, sequence_length: 64}\n").data.sequence_length, 64);
  EXPECT_EQ(Load("tokenizer: t\ndata.train: x\ndata.sequence_length: 64\n").data.sequence_length,
            64);
}

TEST_F(RecipeTest, CommandLineWinsOverFileAndFileOverBase) {
  Write("base.yaml", "train.steps: 1\ntrain.seed: 1\noutput: base\n");
  const Recipe recipe = Load(
      std::string(kMinimal) + "base: base.yaml\ntrain: {steps: 2, seed: 2}\n", {"train.steps=3"});
  EXPECT_EQ(recipe.train.steps, 3);
  EXPECT_EQ(recipe.train.seed, 2);
  EXPECT_EQ(recipe.output, "base");
}

TEST_F(RecipeTest, UnknownKeyNamesLineAndNearest) {
  const ErrorParts parts =
      ErrorOf([&] { Load(std::string(kMinimal) + "objective:\n  mask_ration: 0.1\n"); });
  EXPECT_NE(parts.where.find("r.yaml:4:3"), std::string::npos) << parts.where;
  EXPECT_NE(parts.hint.find("objective.mask_ratio"), std::string::npos) << parts.hint;
}

TEST_F(RecipeTest, RatioOutsideItsRange) {
  for (const char* ratio : {"1", "1.5", "-0.1", ".nan"}) {
    const ErrorParts parts =
        ErrorOf([&] { Load(kMinimal, {std::string("objective.mask_ratio=") + ratio}); });
    EXPECT_NE(parts.what.find("objective.mask_ratio"), std::string::npos) << parts.what;
  }
  EXPECT_EQ(Load(kMinimal, {"objective.mask_ratio=0.999"}).objective.mask_ratio, 0.999);
}

TEST_F(RecipeTest, WholeNumbersAndBitsInEverySpelling) {
  EXPECT_EQ(Load(kMinimal, {"train.steps=1e3"}).train.steps, 1000);
  EXPECT_EQ(Load(kMinimal, {"train.steps=5.0"}).train.steps, 5);
  EXPECT_EQ(Load(kMinimal, {"train.seed=9007199254740993"}).train.seed, 9007199254740993);
  for (const char* word : {"train.steps=1.5", "train.steps=1e300", "train.steps=.inf"}) {
    EXPECT_EQ(ErrorOf([&] { Load(kMinimal, {word}); }).expected, "an integer") << word;
  }
  EXPECT_TRUE(Load(kMinimal, {"data.isolate_documents=1"}).data.isolate_documents);
  EXPECT_FALSE(Load(kMinimal, {"checkpoint.background=0"}).checkpoint.background);
  EXPECT_EQ(ErrorOf([&] { Load(kMinimal, {"guard.memory=2"}); }).expected, "true or false");
}

TEST_F(RecipeTest, TheFilesKeysTellTheTaskBeforeTheCommandLines) {
  const auto file = Write("task.yaml", "model.preset: tiny\n");
  EXPECT_EQ(TaskByKeys(file, {"objective.layout=concat"}), RecipeTask::kPretrain);
  const auto either = Write("either.yaml", kMinimal);
  EXPECT_EQ(TaskByKeys(either, {"objective.layout=concat"}), RecipeTask::kFinetune);
  EXPECT_EQ(TaskByKeys(either, {}), std::nullopt);
}

TEST_F(RecipeTest, WrongTypeChoiceAndSyntax) {
  EXPECT_EQ(ErrorOf([&] { Load(kMinimal, {"train.steps=many"}); }).expected, "an integer");
  EXPECT_EQ(ErrorOf([&] { Load(kMinimal, {"objective.name=meep"}); }).hint, "did you mean meap?");
  EXPECT_EQ(ErrorOf([&] { Load(kMinimal, {"train.steps"}); }).expected, "key=value");
  EXPECT_NE(ErrorOf([&] { Load("a: [1\n"); }).where.find("r.yaml:2"), std::string::npos);
  EXPECT_NE(ErrorOf([&] { Load("a: 1\na: 2\n"); }).what.find("twice"), std::string::npos);
}

TEST_F(RecipeTest, GlobsOnTheCommandLine) {
  EXPECT_EQ(Load(kMinimal, {"data.train=*.jsonl"}).data.train,
            (std::vector<std::string>{"*.jsonl"}));
  EXPECT_EQ(Load(kMinimal, {"data.train=[s.jsonl, *.jsonl]"}).data.train,
            (std::vector<std::string>{"s.jsonl", "*.jsonl"}));
  EXPECT_EQ(Load(kMinimal, {"tokenizer=@tok"}).tokenizer, "@tok");
  EXPECT_EQ(Load(kMinimal, {"tokenizer=!x"}).tokenizer, "!x");
  EXPECT_NE(ErrorOf([&] { Load("data.train: *.jsonl\n"); }).hint.find("'*.jsonl'"),
            std::string::npos);
}

TEST_F(RecipeTest, NullIsAsIfTheKeyWereNotGiven) {
  Write("base.yaml", "optimizer.lr: 0.5\ntrain.steps: 7\n");
  const Recipe recipe =
      Load(std::string(kMinimal) +
           "base: base.yaml\noutput:\nmodel.preset: ~\nvalidation: {every: null}\n"
           "train:\noptimizer:\n  lr:\n");
  const Recipe defaults;
  EXPECT_EQ(recipe.output, defaults.output);
  EXPECT_EQ(recipe.model.preset, "");
  EXPECT_EQ(recipe.validation.every, defaults.validation.every);
  EXPECT_EQ(recipe.train.steps, 7);
  EXPECT_EQ(recipe.optimizer.lr, defaults.optimizer.lr);
  EXPECT_EQ(Load(std::string(kMinimal) + "base: ~\n").tokenizer, "tok");
  for (const char* word : {"optimizer.grad_clip=null", "optimizer.grad_clip=~", "optimizer=~"}) {
    const Recipe clipped = Load(std::string(kMinimal) + "optimizer: {grad_clip: 9}\n", {word});
    EXPECT_EQ(clipped.optimizer.grad_clip,
              std::string(word) == "optimizer=~" ? 9 : defaults.optimizer.grad_clip)
        << word;
  }
}

TEST_F(RecipeTest, NullDoesNotHideAMisspeltKey) {
  EXPECT_EQ(ErrorOf([&] { Load(std::string(kMinimal) + "train: {sed: ~}\n"); }).hint,
            "did you mean train.seed?");
  EXPECT_NE(ErrorOf([&] { Load(kMinimal, {"trian=null"}); }).what.find("trian"), std::string::npos);
  EXPECT_NE(ErrorOf([&] { Load("tokenizer: t\ndata.train: [a, ~]\n"); }).what.find("data.train"),
            std::string::npos);
}

TEST_F(RecipeTest, OneKeyInTwoSpellingsIsGivenTwice) {
  for (const char* text : {"train.seed: 1\ntrain: {seed: 2}\n", "train: {seed: 1}\ntrain.seed: 2\n",
                           "objective: {mask: {unit: word}}\nobjective.mask: {unit: token}\n"}) {
    EXPECT_NE(ErrorOf([&] { Load(kMinimal + std::string(text)); }).what.find("twice"),
              std::string::npos)
        << text;
  }
  EXPECT_EQ(Load(std::string(kMinimal) + "train: {seed: 5}\ntrain.steps: 2\n").train.seed, 5);
}

TEST_F(RecipeTest, BaseThatIncludesItself) {
  EXPECT_NE(ErrorOf([&] { Load("base: r.yaml\n"); }).what.find("itself"), std::string::npos);
}

TEST_F(RecipeTest, DumpReadsBackAsTheSameRecipe) {
  Recipe recipe =
      Load(kMinimal, {"optimizer.lr=0.00123", "data.train=[a, \"b c\"]", "output=x\\y"});
  Recipe again = LoadRecipe(Write("again.yaml", recipe.Dump()), {});
  EXPECT_EQ(recipe.Dump(), again.Dump());
  EXPECT_EQ(again.optimizer.lr, 0.00123);
  EXPECT_EQ(again.data.train, (std::vector<std::string>{"a", "b c"}));
}

TEST_F(RecipeTest, NtpIsRatioZeroAndMinimumFollowsThePeak) {
  const Recipe recipe = Load(kMinimal, {"objective.name=ntp", "optimizer.lr=1e-5"});
  EXPECT_EQ(recipe.objective.mask_ratio, 0);
  EXPECT_DOUBLE_EQ(recipe.schedule.min_lr, 1e-6);
}

TEST_F(RecipeTest, MaskSharesMustSumToOne) {
  const ErrorParts parts = ErrorOf([&] { Load(kMinimal, {"objective.mask.replace_mask=0.8"}); });
  EXPECT_NE(parts.got.find("0.8 + 0 + 0"), std::string::npos) << parts.got;
  const Recipe recipe =
      Load(kMinimal, {"objective.mask.replace_mask=0.8", "objective.mask.replace_random=0.1",
                      "objective.mask.replace_keep=0.1"});
  EXPECT_EQ(recipe.objective.mask.replace_random, 0.1);
}

TEST_F(RecipeTest, MaskOptionsThatSayNothingTogether) {
  const std::vector<std::vector<std::string>> pairs = {
      {"objective.mask.policy=reference", "objective.mask.unit=span"},
      {"objective.mask.policy=reference", "objective.mask.protect_special=true"},
      {"objective.mask.scope=step", "objective.mask.unit=word"},
      {"objective.mask.scope=step", "objective.mask.protect_special=true"},
      {"objective.mask.ratio_end=0.1"}};
  for (const auto& pair : pairs) EXPECT_FALSE(ErrorOf([&] { Load(kMinimal, pair); }).what.empty());
  EXPECT_EQ(Load(kMinimal, {"objective.mask.policy=reference"}).objective.mask.policy, "reference");
  Recipe ntp = Load(kMinimal, {"objective.name=ntp", "objective.mask.schedule=linear",
                               "objective.mask.ratio_end=0.1"});
  EXPECT_EQ(ntp.objective.mask, MaskOptions{});
}

TEST(Recipes, AllOfTheProjectsLoad) {
  int count = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(testing::SourceDir() / "recipes")) {
    if (entry.path().extension() != ".yaml" || entry.path().filename() == "base.yaml") continue;
    if (entry.path().parent_path().filename() == "experiments") continue;  // grids over recipes
    const RecipeTask task = TaskByKeys(entry.path(), {}).value_or(RecipeTask::kPretrain);
    const Recipe recipe = LoadRecipe(entry.path(), {}, task);
    if (entry.path().parent_path().filename() == "paper") {
      EXPECT_EQ(recipe.data.sequence_length * 256, recipe.train.batch_tokens) << entry.path();
    }
    ++count;
  }
  EXPECT_GE(count, 11);
}

}  // namespace
}  // namespace meap
