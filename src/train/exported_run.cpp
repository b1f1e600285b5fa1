#include "train/exported_run.h"

#include <algorithm>

#include "checkpoint/train_state.h"
#include "core/console.h"
#include "core/error.h"
#include "core/files.h"
#include "train/run_start.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

/// The figures of the last step and the last validation.
Json LastFigures(const fs::path& metrics) {
  Json figures = {{"steps", 0}};
  if (!fs::exists(metrics)) return figures;
  const std::string text = ReadFile(metrics, "metrics");
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const Json line = Json::parse(text.substr(begin, end - begin), nullptr, false);
    begin = end + 1;
    if (!line.is_object()) continue;
    if (line.contains("loss")) figures["steps"] = line.value("step", Json(0));
    for (const char* key : {"tokens", "loss", "validation_loss"}) {
      if (line.contains(key)) figures[key] = line[key];
    }
  }
  return figures;
}

/// True when the run in `output` is as long as the recipe says, by its steps or by its epochs.
bool SameLength(const Recipe& recipe, int64_t steps) {
  if (recipe.train.steps > 0) return steps == recipe.train.steps;
  const fs::path written = fs::path(recipe.output) / "recipe.yaml";
  if (steps == 0 || !fs::exists(written)) return false;
  return !ChangesLength(DiffRecipes(ReadFile(written, "recipe"), recipe.Dump()));
}

}  // namespace

std::optional<Json> ExportedRunSummary(const Recipe& recipe) {
  const fs::path output = recipe.output;
  if (!fs::exists(output / "hf")) return std::nullopt;
  Json summary = LastFigures(output / "metrics.jsonl");
  const auto steps = summary["steps"].get<int64_t>();
  if (!SameLength(recipe, steps)) {
    throw InputError(
        {.what = "the run cannot go on: its checkpoints are gone",
         .where = (output / "checkpoints").string(),
         .expected = "a checkpoint, or a finished run as long as the recipe's",
         .got = "a model in hf/ and " + std::to_string(steps) + " steps in metrics.jsonl",
         .hint = "start a new run in another output, with model.path=" + (output / "hf").string() +
                 " to train that model further"});
  }
  Note("the run is finished: " + std::to_string(steps) + " steps done");
  summary["output"] = recipe.output;
  summary["model"] = (output / "hf").string();
  return summary;
}

}  // namespace meap
