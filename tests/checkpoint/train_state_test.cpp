#include "checkpoint/train_state.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "checkpoint/leftovers.h"
#include "tests/support.h"

namespace meap {
namespace {

using ::meap::testing::ErrorOf;
using ::meap::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TrainState StateAt(int64_t step, std::optional<double> metric = {}) {
  const at::Tensor weight = at::full({4, 3}, static_cast<float>(step));
  return {.step = step,
          .tensors = {{"weights", {SourceOf("w", weight), SourceOf("b", weight[0])}},
                      {"optimizer", {SourceOf("m.w", weight * 2)}}},
          .state = {{"sampler", step * 10}, {"rng", {1, 2, 3}}},
          .recipe = "train:\n  seed: 1\n",
          .metric = metric};
}

std::vector<int64_t> Steps(const fs::path& folder) {
  std::vector<int64_t> steps;
  for (const auto& [step, path] : ListCheckpoints(folder)) steps.push_back(step);
  return steps;
}

size_t Entries(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {}));
}

void FlipBit(const fs::path& path, size_t byte, int bit) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(byte));
  const char flipped = static_cast<char>(file.get() ^ (1 << bit));
  file.seekp(static_cast<std::streamoff>(byte));
  file.put(flipped);
}

TEST(TrainStateTest, EverythingComesBack) {
  const TempDir folder;
  CheckpointWriter writer(folder / "checkpoints", {});
  writer.Save(StateAt(7, 0.5));
  EXPECT_TRUE(fs::exists(folder / "checkpoints/step-00000007/manifest.json"));
  const auto loaded = LoadNewestGood(folder / "checkpoints");
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->step, 7);
  EXPECT_EQ(loaded->state, StateAt(7).state);
  EXPECT_EQ(loaded->recipe, StateAt(7).recipe);
  const at::Tensor target = at::zeros({4, 3}, at::kDouble);
  loaded->CopyInto("optimizer", "m.w", target);
  EXPECT_EQ(target.sum().item<double>(), 12 * 14);
  EXPECT_THAT(ErrorOf([&] {
                loaded->CopyInto("weights", "w", at::zeros({3, 4}));
              }).got,
              HasSubstr("[4, 3]"));
  EXPECT_THAT(ErrorOf([&] { loaded->CopyInto("weights", "x", target); }).got, HasSubstr("no such"));
  EXPECT_THAT(ErrorOf([&] { loaded->CopyInto("moments", "x", target); }).got, HasSubstr("no such"));
}

TEST(TrainStateTest, NothingThereIsNoCheckpoint) {
  const TempDir folder;
  EXPECT_FALSE(LoadNewestGood(folder / "absent").has_value());
  fs::create_directories(folder / "step-x");
  fs::create_directories(folder / "step-00000001.tmp-1");
  EXPECT_FALSE(LoadNewestGood(folder.path()).has_value());
}

TEST(TrainStateTest, AFlippedBitAnywhereIsFoundAndNamed) {
  const TempDir folder;
  CheckpointWriter writer(folder.path(), {});
  writer.Save(StateAt(1));
  const fs::path checkpoint = ListCheckpoints(folder.path()).at(0).second;
  LoadCheckpoint(checkpoint);
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(checkpoint)) {
    ++files;
    for (size_t byte = 0; byte < fs::file_size(entry.path()); ++byte) {
      const int bit = static_cast<int>(byte * 5 % 8);
      FlipBit(entry.path(), byte, bit);
      const ErrorParts error = ErrorOf([&] { LoadCheckpoint(checkpoint); });
      EXPECT_THAT(error.where, HasSubstr(entry.path().filename().string())) << byte;
      FlipBit(entry.path(), byte, bit);
    }
  }
  EXPECT_EQ(files, 5U);
  LoadCheckpoint(checkpoint);
  const fs::path weights = checkpoint / "weights.safetensors";
  FlipBit(weights, fs::file_size(weights) - 1, 0);
  EXPECT_THAT(ErrorOf([&] { LoadCheckpoint(checkpoint); }).where, HasSubstr("tensor w"));
}

TEST(TrainStateTest, DamageFallsBackToTheNewestGood) {
  const TempDir folder;
  CheckpointWriter writer(folder.path(), {.keep_last = 4});
  for (const int64_t step : {10, 20, 30, 40}) writer.Save(StateAt(step));
  fs::resize_file(folder / "step-00000040/optimizer.safetensors", 20);
  fs::remove(folder / "step-00000030/manifest.json");
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(LoadNewestGood(folder.path())->step, 20);
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("step-00000040/optimizer.safetensors"));
  EXPECT_THAT(said, HasSubstr("step-00000030/manifest.json"));

  fs::remove(folder / "step-00000020/state.json");
  FlipBit(folder / "step-00000010/recipe.yaml", 0, 0);
  ::testing::internal::CaptureStderr();
  EXPECT_THAT(ErrorOf([&] { LoadNewestGood(folder.path()); }).got, HasSubstr("4 damaged"));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("state.json"));
}

TEST(TrainStateTest, RetentionKeepsLastEveryAndBest) {
  const TempDir folder;
  CheckpointWriter writer(folder.path(), {.keep_last = 2, .keep_every = 30, .keep_best = true});
  const std::vector<double> metrics = {5, 3, 4, 2, 6, 7, 8};
  for (size_t i = 0; i < metrics.size(); ++i) {
    writer.Save(StateAt(static_cast<int64_t>(i + 1) * 10, metrics[i]));
  }
  EXPECT_THAT(Steps(folder.path()), ElementsAre(30, 40, 60, 70));
  EXPECT_EQ(Entries(folder.path()), 4U);
}

TEST(TrainStateTest, SettingTheRunBackDropsLaterSteps) {
  const TempDir folder;
  CheckpointWriter writer(folder.path(), {.keep_last = 3});
  for (const int64_t step : {10, 20, 30}) writer.Save(StateAt(step));
  writer.Save(StateAt(15));
  EXPECT_THAT(Steps(folder.path()), ElementsAre(10, 15));
  writer.Save(StateAt(15));  // the same step again replaces it
  EXPECT_EQ(LoadNewestGood(folder.path())->step, 15);
  EXPECT_EQ(Entries(folder.path()), 2U);
}

TEST(TrainStateTest, BackgroundSaveTakesTheValuesOfTheCall) {
  const TempDir folder;
  CheckpointWriter writer(folder.path(), {.keep_last = 5});
  const at::Tensor weight = at::ones({100, 100});
  for (int64_t step = 1; step <= 3; ++step) {
    writer.SaveInBackground({.step = step, .tensors = {{"weights", {SourceOf("w", weight)}}}});
    weight.add_(1);
  }
  writer.Wait();
  for (const auto& [step, path] : ListCheckpoints(folder.path())) {
    const at::Tensor target = at::zeros({100, 100});
    LoadCheckpoint(path).CopyInto("weights", "w", target);
    EXPECT_TRUE(at::equal(target, at::full({100, 100}, static_cast<float>(step))));
  }
  EXPECT_EQ(Steps(folder.path()).size(), 3U);
}

// Files of this process may not grow beyond `bytes`: what a full disk looks like to a writer.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) {
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &old_);
    rlimit small = old_;
    small.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit old_{};
  void (*handler_)(int);
};

TEST(TrainStateTest, AFullDiskLeavesTheLastCheckpointWhole) {
  const TempDir folder;
  CheckpointWriter writer(folder.path(), {.keep_last = 1});
  writer.Save(StateAt(1));
  TrainState big = StateAt(2);
  big.tensors["weights"] = {SourceOf("w", at::ones({1 << 16}))};
  for (const rlim_t bytes : {rlim_t{0}, rlim_t{100}, rlim_t{1} << 12, rlim_t{1} << 17}) {
    const SmallDisk disk(bytes);
    const ErrorParts error = ErrorOf([&] { writer.Save(big); }, ExitCode::kFailed);
    EXPECT_THAT(error.where, HasSubstr("step-00000002"));
    EXPECT_THAT(error.got, HasSubstr("too large"));
    writer.SaveInBackground(big);
    EXPECT_THAT(ErrorOf([&] { writer.Save(big); }, ExitCode::kFailed).where, HasSubstr("step-"));
    EXPECT_EQ(Entries(folder.path()), 1U);
  }
  EXPECT_EQ(LoadNewestGood(folder.path())->step, 1);
  writer.Save(big);
  EXPECT_THAT(Steps(folder.path()), ElementsAre(2));
}

TEST(TrainStateTest, AKilledWriterNeverHarmsTheRun) {
  const TempDir folder;
  CheckpointWriter(folder.path(), {}).Save(StateAt(1));
  for (int round = 0; round < 12; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        CheckpointWriter writer(folder.path(), {.keep_last = 2});
        // Up, back (which deletes the later ones) and over the same step again (which replaces it).
        for (;;) {
          for (const int64_t step : {2, 3, 4, 2, 2}) writer.Save(StateAt(step));
        }
      } catch (...) {
        ::_exit(1);
      }
    }
    const auto before = Steps(folder.path());
    bool changed =
        false;  // looked at once: the child may be back at the same steps an instant later
    for (int i = 0; i < 5000 && !changed; ++i) {
      changed = Steps(folder.path()) != before;
      ::usleep(1000);
    }
    EXPECT_TRUE(changed);  // it works; now at some point of a later save:
    ::usleep(static_cast<useconds_t>(3700 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status));
    CleanLeftovers(folder.path());
    ::testing::internal::CaptureStderr();
    const auto loaded = LoadNewestGood(folder.path());
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
    ASSERT_TRUE(loaded.has_value());
    EXPECT_EQ(loaded->state, StateAt(loaded->step).state);
    EXPECT_EQ(Entries(folder.path()), Steps(folder.path()).size());
  }
}

TEST(LeftoversTest, DeadWritersAreClearedAndReplacementsFinished) {
  const TempDir folder;
  const pid_t dead = ::fork();
  if (dead == 0) ::_exit(0);
  ::waitpid(dead, nullptr, 0);
  const std::string pid = std::to_string(dead);
  const auto make = [&](const std::string& name, const std::string& content) {
    fs::create_directories(folder / name);
    std::ofstream(folder / name / "x") << content;
  };
  make("hf.old-" + pid, "old");  // killed between the two renames
  make("hf.tmp-" + pid, "new");
  make("done.old-" + pid, "old");  // killed after both
  make("done", "new");
  make("half.tmp-" + pid, "half");
  make("dying.gone-" + pid, "half");
  make("lone.old-" + pid, "old");
  make("alive.tmp-" + std::to_string(::getppid()), "half");
  make("name.tmp-abc", "a user's");
  std::ofstream(folder / ("metrics.jsonl.tmp-" + pid)) << "half";
  CleanLeftovers(folder.path());
  EXPECT_EQ(ReadFile(folder / "hf/x", "test"), "new");
  EXPECT_EQ(ReadFile(folder / "done/x", "test"), "new");
  EXPECT_EQ(ReadFile(folder / "lone/x", "test"), "old");
  EXPECT_TRUE(fs::exists(folder / ("alive.tmp-" + std::to_string(::getppid()))));
  EXPECT_TRUE(fs::exists(folder / "name.tmp-abc"));
  EXPECT_EQ(Entries(folder.path()), 5U);
  CleanLeftovers(folder / "absent");
}

TEST(DiffRecipesTest, NamesKeysByTheirPath) {
  const std::string before = "# note\nmodel:\n  path: a\noptimizer:\n  lr: 0.1\n  betas: [1, 2]\n";
  const std::string after = "model:\n  path: a\n\noptimizer:\n  lr: 0.2\n  betas: [1, 2]\nx: 1\n";
  EXPECT_THAT(DiffRecipes(before, after),
              ElementsAre("- optimizer.lr: 0.1", "+ optimizer.lr: 0.2", "+ x: 1"));
  EXPECT_THAT(DiffRecipes(after, before),
              ElementsAre("- optimizer.lr: 0.2", "+ optimizer.lr: 0.1", "- x: 1"));
  EXPECT_TRUE(DiffRecipes(before, "\n" + before).empty());
  EXPECT_THAT(DiffRecipes("", "a: 1"), ElementsAre("+ a: 1"));
}

TEST(TrainStateTest, TheNewestRegularCheckpointOutlivesThoseMadeOnRequest) {
  const TempDir folder;
  CheckpointWriter writer(folder.path(), {.keep_last = 1, .keep_newest_of = 10});
  for (const int64_t step : {10, 13, 17}) writer.Save(StateAt(step));
  EXPECT_THAT(Steps(folder.path()), ElementsAre(10, 17));
  EXPECT_EQ(LoadNewestGood(folder.path())->step, 17);
  EXPECT_EQ(LoadNewestGood(folder.path(), 10)->step, 10);
  writer.Save(StateAt(20));
  EXPECT_THAT(Steps(folder.path()), ElementsAre(20));
}

TEST(TrainStateTest, BusyEndsWithTheSaveAndHandsOverItsFailure) {
  const TempDir folder;
  CheckpointWriter writer(folder / "checkpoints", {});
  EXPECT_FALSE(writer.Busy());
  writer.SaveInBackground(StateAt(1));
  while (writer.Busy()) ::usleep(1000);
  EXPECT_THAT(Steps(folder / "checkpoints"), ElementsAre(1));
  fs::remove_all(folder / "checkpoints");
  std::ofstream(folder / "checkpoints") << "a file where the folder was";
  writer.SaveInBackground(StateAt(2));
  EXPECT_ANY_THROW({
    while (writer.Busy()) ::usleep(1000);
  });
  EXPECT_FALSE(writer.Busy());
}

}  // namespace
}  // namespace meap
