#include "compare/pairs.h"

#include <algorithm>
#include <unordered_map>

namespace meap {
namespace {

std::optional<double> MetricOf(const EvalSample& sample, const std::string& metric) {
  for (const auto& [name, value] : sample.metrics) {
    if (name == metric) return value;
  }
  return std::nullopt;
}

bool IsZeroOrOne(double value) { return value == 0 || value == 1; }

}  // namespace

TaskPairs PairSamples(const EvalRun& a, const EvalRun& b, const std::string& task) {
  TaskPairs result;
  std::unordered_map<std::string_view, const EvalSample*> others;
  for (const EvalSample& sample : b.samples) {
    if (sample.task == task && sample.skipped.empty()) others.emplace(sample.id, &sample);
  }
  size_t scored = 0;
  for (const EvalSample& sample : a.samples) {
    if (sample.task != task || !sample.skipped.empty()) continue;
    ++scored;
    const auto found = others.find(sample.id);
    if (found == others.end()) continue;
    result.pairs.emplace_back(&sample, found->second);
    if (sample.prompt_hash != found->second->prompt_hash) ++result.other_prompts;
  }
  result.unpaired = scored + others.size() - 2 * result.pairs.size();
  return result;
}

TaskPairs PairsAt(const TaskPairs& pairs, const std::string& field,
                  const nlohmann::ordered_json& value) {
  TaskPairs result;
  for (const auto& pair : pairs.pairs) {
    if (pair.first->group.value(field, nlohmann::ordered_json()) == value) {
      result.pairs.push_back(pair);
    }
  }
  return result;
}

std::optional<ScoreDifference> PairedDifference(const TaskPairs& pairs, const std::string& metric,
                                                const CompareOptions& options) {
  std::vector<double> a;
  std::vector<double> b;
  std::vector<uint32_t> cluster;
  std::unordered_map<std::string_view, uint32_t> clusters;
  for (const auto& [first, second] : pairs.pairs) {
    const auto first_score = MetricOf(*first, metric);
    const auto second_score = MetricOf(*second, metric);
    if (!first_score || !second_score) continue;
    a.push_back(*first_score);
    b.push_back(*second_score);
    const auto number = static_cast<uint32_t>(clusters.size());
    cluster.push_back(clusters.emplace(first->item, number).first->second);
  }
  if (a.empty()) return std::nullopt;
  const auto count = static_cast<uint32_t>(clusters.size());
  ScoreDifference difference{.paired = true, .pairs = a.size()};
  for (size_t i = 0; i < a.size(); ++i) difference.value += b[i] - a[i];
  difference.value /= static_cast<double>(a.size());
  difference.interval =
      PairedBootstrap(a, b, cluster, count, options.resamples, options.confidence, options.seed);
  if (std::all_of(a.begin(), a.end(), IsZeroOrOne) &&
      std::all_of(b.begin(), b.end(), IsZeroOrOne)) {
    difference.mcnemar = McNemarTest(a, b);
  }
  // McNemar's test takes samples as independent, which those of one question are not.
  difference.p = difference.mcnemar && count == a.size()
                     ? difference.mcnemar->p
                     : SignFlipTest(a, b, cluster, count, options.resamples, options.seed);
  return difference;
}

}  // namespace meap
