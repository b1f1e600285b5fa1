#include "checkpoint/train_state.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>

#include "checkpoint/checksums.h"
#include "checkpoint/json_fields.h"
#include "checkpoint/leftovers.h"
#include "core/console.h"
#include "core/error.h"

namespace meap {
namespace {

using nlohmann::json;

constexpr std::string_view kPrefix = "step-";
constexpr char kState[] = "state.json";
constexpr char kRecipe[] = "recipe.yaml";

fs::path CheckpointPath(const fs::path& folder, int64_t step) {
  char name[32];
  std::snprintf(name, sizeof name, "step-%08lld", static_cast<long long>(step));
  return folder / name;
}

std::optional<int64_t> StepOf(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!name.starts_with(kPrefix)) return {};
  int64_t step = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + kPrefix.size(), end, step);
  return error == std::errc() && stop == end ? std::optional(step) : std::nullopt;
}

// The metric of a checkpoint at hand; one that has none, or is damaged, is never the best.
double MetricOf(const fs::path& checkpoint) {
  try {
    const json about = ReadChecksums(checkpoint);
    if (about.contains("metric") && about["metric"].is_number()) return about["metric"];
  } catch (const InputError&) {
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace

CheckpointWriter::CheckpointWriter(fs::path folder, Retention retention)
    : folder_(std::move(folder)), retention_(retention) {
  MakeOutputDirectory(folder_, "output");
  CleanLeftovers(folder_);
}

CheckpointWriter::~CheckpointWriter() {
  try {
    Wait();
  } catch (const std::exception& error) {
    Warn(std::string("a checkpoint was not saved: ") + error.what());
  }
}

void CheckpointWriter::Wait() {
  if (worker_.joinable()) worker_.join();
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

bool CheckpointWriter::Busy() {
  if (running_) return true;
  Wait();
  return false;
}

void CheckpointWriter::Save(const TrainState& state) {
  Wait();
  Publish(state);
}

void CheckpointWriter::SaveInBackground(TrainState state) {
  Wait();
  for (auto& [file, sources] : state.tensors) {
    for (TensorSource& source : sources) {
      at::Tensor& copy = copies_[file + "/" + source.name];
      const at::ScalarType dtype = ToScalarType(source.dtype);
      if (!copy.defined() || copy.sizes() != at::IntArrayRef(source.shape) ||
          copy.scalar_type() != dtype) {
        copy = at::empty(source.shape, dtype);
      }
      copy.copy_(source.fetch().detach());
      source = SourceOf(source.name, copy);
    }
  }
  running_ = true;
  worker_ = std::thread([this, copied = std::move(state)] {
    try {
      Publish(copied);
    } catch (...) {
      failure_ = std::current_exception();
    }
    running_ = false;
  });
}

void CheckpointWriter::Publish(const TrainState& state) const {
  AtomicDirectory building(CheckpointPath(folder_, state.step));
  const fs::path& folder = building.temporary();
  for (const auto& [file, sources] : state.tensors) {
    SaveSafetensors(folder / (file + ".safetensors"), sources);
  }
  const auto replace = json::error_handler_t::replace;  // a file's name may be any bytes
  WriteFileAtomically(folder / kState, state.state.dump(-1, ' ', true, replace) + "\n");
  WriteFileAtomically(folder / kRecipe, state.recipe);
  json about = {{"step", state.step}};
  if (state.metric) about["metric"] = *state.metric;
  for (const auto& [file, sources] : state.tensors) about["tensors"].push_back(file);
  WriteChecksums(folder, about);
  building.Commit();
  ApplyRetention(state.step);
}

void CheckpointWriter::ApplyRetention(int64_t saved_step) const {
  std::vector<std::pair<int64_t, fs::path>> checkpoints = ListCheckpoints(folder_);
  while (!checkpoints.empty() && checkpoints.back().first > saved_step) {
    Note("removing " + checkpoints.back().second.string() + ", later than the step just saved");
    RemoveFolder(checkpoints.back().second);
    checkpoints.pop_back();
  }
  fs::path best;
  double best_metric = std::numeric_limits<double>::infinity();
  for (const auto& [step, path] : checkpoints) {
    const double metric = retention_.keep_best ? MetricOf(path) : best_metric;
    if (metric < best_metric) {
      best_metric = metric;
      best = path;
    }
  }
  const auto divides = [](int64_t every, int64_t step) { return every > 0 && step % every == 0; };
  fs::path regular;
  for (const auto& [step, path] : checkpoints) {
    if (divides(retention_.keep_newest_of, step)) regular = path;
  }
  const auto keep_last = static_cast<size_t>(std::max<int64_t>(1, retention_.keep_last));
  for (size_t i = 0; i + keep_last < checkpoints.size(); ++i) {
    const auto& [step, path] = checkpoints[i];
    const bool milestone = divides(retention_.keep_every, step);
    if (!milestone && path != best && path != regular) RemoveFolder(path);
  }
}

void LoadedState::CopyInto(const std::string& file, const std::string& name,
                           const at::Tensor& target) const {
  const auto stored_file = tensors.find(file);
  const StoredTensor* stored =
      stored_file == tensors.end() ? nullptr : stored_file->second.Find(name);
  if (stored == nullptr || at::IntArrayRef(stored->shape) != target.sizes()) {
    throw InputError(
        {.what = "the checkpoint is of another model or optimizer",
         .where = (folder / (file + ".safetensors")).string() + ", tensor " + name,
         .expected = "shape " + ShapeText(target.sizes().vec()),
         .got = stored == nullptr ? "no such tensor" : "shape " + ShapeText(stored->shape),
         .hint = "resume with the recipe that the checkpoint was made with"});
  }
  at::Tensor(target).detach().copy_(stored_file->second.View(*stored));
}

std::vector<std::pair<int64_t, fs::path>> ListCheckpoints(const fs::path& folder) {
  std::vector<std::pair<int64_t, fs::path>> checkpoints;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder, missing)) {
    const std::optional<int64_t> step = StepOf(entry.path());
    if (step && entry.is_directory()) checkpoints.emplace_back(*step, entry.path());
  }
  std::sort(checkpoints.begin(), checkpoints.end());
  return checkpoints;
}

LoadedState LoadCheckpoint(const fs::path& checkpoint) {
  const json about = VerifyChecksums(checkpoint);
  LoadedState loaded;
  loaded.folder = checkpoint;
  loaded.step = about.at("step").get<int64_t>();
  loaded.state = json::parse(ReadFile(checkpoint / kState, "training state"));
  loaded.recipe = ReadFile(checkpoint / kRecipe, "recipe");
  for (const json& file : about.value("tensors", json::array())) {
    const auto name = file.get<std::string>();
    loaded.tensors.emplace(name, SafetensorsFile(checkpoint / (name + ".safetensors")));
  }
  return loaded;
}

std::optional<LoadedState> LoadNewestGood(const fs::path& folder, int64_t every) {
  std::vector<std::pair<int64_t, fs::path>> checkpoints = ListCheckpoints(folder);
  std::erase_if(checkpoints, [&](const auto& entry) { return entry.first % every != 0; });
  for (size_t i = checkpoints.size(); i-- > 0;) {
    try {
      return LoadCheckpoint(checkpoints[i].second);
    } catch (const Error& error) {  // damaged, or on a disk that is
      Warn("skipping a damaged checkpoint, step " + std::to_string(checkpoints[i].first) + ": " +
           error.what());
    }
  }
  if (checkpoints.empty()) return {};
  throw InputError({.what = "every checkpoint of the run is damaged",
                    .where = folder.string(),
                    .expected = "at least one whole checkpoint",
                    .got = std::to_string(checkpoints.size()) + " damaged ones",
                    .hint = "start anew without --resume, in another output folder"});
}

}  // namespace meap
