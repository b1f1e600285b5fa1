// Samples of two runs side by side.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compare/comparison.h"

namespace meap {

/// The samples of one task that two runs both scored, by id.
struct TaskPairs {
  std::vector<std::pair<const EvalSample*, const EvalSample*>> pairs;
  size_t other_prompts = 0;  // pairs whose prompts are not the same
  size_t unpaired = 0;       // scored in one run alone
};

/// Pairs samples of `a` and `b`, which must outlive the result.
TaskPairs PairSamples(const EvalRun& a, const EvalRun& b, const std::string& task);

/// The pairs with this value of a group field.
TaskPairs PairsAt(const TaskPairs& pairs, const std::string& field,
                  const nlohmann::ordered_json& value);

/// b - a on a metric, with interval and test; nothing when no pair has it.
std::optional<ScoreDifference> PairedDifference(const TaskPairs& pairs, const std::string& metric,
                                                const CompareOptions& options);

/// b - a of a figure over all text, such as perplexity: of the sums over the pairs' documents, with
/// interval and test by drawing and by exchanging whole documents. Nothing for other metrics.
std::optional<ScoreDifference> PooledDifference(const TaskPairs& pairs, const std::string& metric,
                                                const CompareOptions& options);

}  // namespace meap
