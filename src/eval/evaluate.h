// Evaluations of models on tasks, from the command line's words to results.json.
#pragma once

#include <string>
#include <vector>

#include "eval/registry.h"
#include "eval/request_cache.h"
#include "eval/scorer.h"

namespace meap {

struct EvalOptions {
  EvalInputs inputs;
  std::string device = "auto";
  std::string dtype;
  std::optional<bool> add_bos = {};  // nothing: as the tokenizer has it
  /// Of tasks that are answered in words: "auto" (the tokenizer's own, if it has one), "none" (base
  /// prompts), or a name that ChatTemplate knows.
  std::string chat_template = "auto";
  int64_t max_length = 0;  // tokens of the context that are used; 0: all
};

/// One model's results.
struct ModelRun {
  std::string name;
  fs::path model;
  std::string model_hash;
  std::vector<std::pair<std::string, TaskOutcome>> tasks;
  nlohmann::ordered_json settings;
};

/// Evaluates one model. `cache` may be nullptr. Data of all tasks is read before the first request
/// runs, so that what is missing shows at once. `counts` grows by the requests that ran.
ModelRun EvaluateModel(const fs::path& folder, const std::string& name,
                       const std::vector<ChosenTask>& tasks, const EvalOptions& options,
                       RequestCache* cache, RunCounts& counts);

/// One run as results.json has it (docs/results-format.md), `samples` being the samples file's path
/// relative to it or "".
nlohmann::ordered_json RunJson(const ModelRun& run, const std::string& samples);

/// The samples of all tasks of a run, in order.
std::vector<EvalSample> SamplesOf(const ModelRun& run);

}  // namespace meap
