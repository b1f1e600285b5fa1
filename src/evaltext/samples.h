// What an evaluation says about one item (a line of samples.jsonl) and about a task (results.json);
// docs/results-format.md is the format.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/files.h"

namespace meap {

/// Names and values of one sample's metrics, in the task's order.
using Metrics = std::vector<std::pair<std::string, double>>;

/// One scored or skipped item.
struct EvalSample {
  std::string model;
  std::string task;
  std::string id;    // unique in the task, the same for every model
  std::string item;  // the question behind it: what intervals are drawn over
  nlohmann::ordered_json group = nlohmann::ordered_json::object();  // fields of the breakdown
  Metrics metrics = {};
  /// The reason when it was not scored: in words, and behind a colon the numbers of the item.
  std::string skipped = {};
  std::string prompt_hash = {};
  nlohmann::ordered_json extra = nlohmann::ordered_json::object();  // further keys of the line
};

/// The line of samples.jsonl, without a line end; what is not ASCII is escaped.
std::string SampleLine(const EvalSample& sample);

/// Reads a samples file; a line that is no sample is an InputError with file, line and field.
std::vector<EvalSample> ReadSamples(const fs::path& file);

/// Outcome of one task: what stands under its name in results.json.
struct TaskSummary {
  nlohmann::ordered_json results = nlohmann::ordered_json::object();    // METRIC, METRIC_stderr
  nlohmann::ordered_json breakdowns = nlohmann::ordered_json::array();  // tables by group
  nlohmann::ordered_json counts = nlohmann::ordered_json::object();     // items, scored, skipped
  size_t n = 0;
  std::string prompt_hash;  // of all samples' prompt hashes in order
};

/// Means, errors and breakdowns of one task's samples: by all group fields at once and, where there
/// are several, by each alone. Samples without `skipped` must have the same metrics.
TaskSummary Summarize(std::span<const EvalSample> samples);

/// "3 of 5 scored, 2 skipped: REASON" of one task's samples; "" when all were scored.
std::string SkippedText(std::span<const EvalSample> samples);

/// Hash of a prompt, as `prompt_hash` has it; for several texts each counts with its length.
std::string PromptHash(std::string_view prompt);
std::string PromptHash(std::span<const std::string> texts);

/// A model's name for tables: the folder's name, for ".../NAME/hf" NAME; with a number added while
/// it is in `taken`.
std::string ModelName(const fs::path& model, const std::vector<std::string>& taken);

/// `wanted`, with a number added while it is in `taken`.
std::string UniqueName(const std::string& wanted, const std::vector<std::string>& taken);

}  // namespace meap
