// Checkpoints of a training run: OUTPUT/checkpoints/step-00000123/, published whole, verified when
// read.
#pragma once

#include <atomic>
#include <exception>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "checkpoint/safetensors.h"

namespace meap {

/// All that a run needs to go on as if it had never stopped.
struct TrainState {
  int64_t step = 0;  // optimizer steps done
  /// Tensors by file: "weights" goes to weights.safetensors, and so on.
  std::map<std::string, std::vector<TensorSource>> tensors = {};
  nlohmann::json state = {};          // the caller's: epoch, sampler position, RNG, meters
  std::string recipe = {};            // the resolved recipe, kept as it is
  std::optional<double> metric = {};  // lower is better; decides which one is best
};

/// Which checkpoints stay once a newer one is published. A checkpoint that any rule keeps stays.
struct Retention {
  int64_t keep_last = 2;   // this many newest, at least 1
  int64_t keep_every = 0;  // steps; those whose step it divides; 0 for none
  bool keep_best = false;  // the one with the lowest metric
  /// The newest whose step it divides, whatever was saved in between on request; 0 for none.
  int64_t keep_newest_of = 0;
};

/// Writes the checkpoints of one run; one object for a folder at a time. Not thread-safe.
class CheckpointWriter {
 public:
  /// Makes `folder` and clears it of what killed processes left.
  CheckpointWriter(fs::path folder, Retention retention);
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;
  /// Waits for a background save; its failure is then a warning.
  ~CheckpointWriter();

  /// Publishes a checkpoint, then deletes those that retention does not keep, and those of later
  /// steps, left by a run that was set back. Disk full: WorkError, the older ones whole, nothing
  /// partial. Throws the failure of an earlier background save first.
  void Save(const TrainState& state);
  /// Copies the tensors and returns; a thread does the rest. The copies' memory is kept for the
  /// next time: touching new pages for them costs more than writing the files. Waits for the
  /// background save before it, and throws its failure.
  void SaveInBackground(TrainState state);
  /// Waits for the background save, and throws its failure.
  void Wait();
  /// True while a background save runs; throws the failure of one that has ended.
  bool Busy();

 private:
  void Publish(const TrainState& state) const;
  void ApplyRetention(int64_t saved_step) const;

  fs::path folder_;
  Retention retention_;
  std::map<std::string, at::Tensor> copies_;
  std::thread worker_;
  std::atomic<bool> running_ = false;
  std::exception_ptr failure_;  // the worker's, read once it does not run
};

/// A checkpoint that was verified whole.
struct LoadedState {
  fs::path folder;
  int64_t step = 0;
  nlohmann::json state;
  std::string recipe;
  std::map<std::string, SafetensorsFile> tensors;

  /// Copies a stored tensor into one of the same shape, any dtype and device. InputError when there
  /// is none of the name, or it has another shape: the model or optimizer is not the same.
  void CopyInto(const std::string& file, const std::string& name, const at::Tensor& target) const;
};

/// The checkpoints in a folder by ascending step, damaged ones included; none when it is missing.
std::vector<std::pair<int64_t, fs::path>> ListCheckpoints(const fs::path& folder);

/// One checkpoint; InputError naming the file and tensor when anything in it is damaged.
LoadedState LoadCheckpoint(const fs::path& checkpoint);

/// The newest checkpoint that is whole, of those whose step `every` divides; a warning says what is
/// wrong with each newer one. Nothing when there are no checkpoints; InputError when there are, but
/// every one is damaged.
std::optional<LoadedState> LoadNewestGood(const fs::path& folder, int64_t every = 1);

/// Lines "- key: old" and "+ key: new" for what differs between two recipes (YAML, one key a
/// line, nested by indentation); keys carry their parents' names ("optimizer.lr: 0.1"). Empty when
/// they say the same.
std::vector<std::string> DiffRecipes(const std::string& old_recipe, const std::string& new_recipe);

}  // namespace meap
