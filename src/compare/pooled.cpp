// Differences of figures over all text, of which documents hold no part of their own.
#include <cmath>

#include "compare/pairs.h"
#include "evaltext/running_text.h"

namespace meap {
namespace {

struct PairedDocument {
  TextSums a;
  TextSums b;
};

std::optional<double> ScoreOf(const TextSums& sums, const std::string& metric) {
  for (const auto& [name, value] : TextScores(sums)) {
    if (name == metric) return value;
  }
  return std::nullopt;
}

/// The documents behind the pairs; none where a pair has no sums.
std::vector<PairedDocument> Documents(const TaskPairs& pairs) {
  std::vector<PairedDocument> documents;
  for (const auto& [first, second] : pairs.pairs) {
    const std::optional<TextSums> a = TextSumsOf(*first);
    const std::optional<TextSums> b = TextSumsOf(*second);
    if (!a || !b) return {};
    documents.push_back({*a, *b});
  }
  return documents;
}

}  // namespace

std::optional<ScoreDifference> PooledDifference(const TaskPairs& pairs, const std::string& metric,
                                                const CompareOptions& options) {
  const std::vector<PairedDocument> documents = Documents(pairs);
  if (documents.empty() || !ScoreOf(documents[0].a, metric)) return std::nullopt;
  const auto difference = [&](const PairedDocument& sums) {
    return *ScoreOf(sums.b, metric) - *ScoreOf(sums.a, metric);
  };
  const auto count = static_cast<uint32_t>(documents.size());
  PairedDocument all;
  for (const PairedDocument& document : documents) {
    all.a += document.a;
    all.b += document.b;
  }
  ScoreDifference result{.value = difference(all), .paired = true, .pairs = count};
  result.interval = Bootstrap(count, options.resamples, options.confidence, options.seed,
                              [&](std::span<const uint32_t> draws) {
                                PairedDocument drawn;
                                for (const uint32_t i : draws) {
                                  drawn.a += documents[i].a;
                                  drawn.b += documents[i].b;
                                }
                                return difference(drawn);
                              });
  const double rounding = 1e-12 * std::abs(*ScoreOf(all.a, metric));
  result.p =
      SignFlipTest(count, options.resamples, options.seed, rounding, [&](const SignFlips& flips) {
        PairedDocument swapped;
        for (uint32_t i = 0; i < count; ++i) {
          swapped.a += flips[i] ? documents[i].b : documents[i].a;
          swapped.b += flips[i] ? documents[i].a : documents[i].b;
        }
        return difference(swapped);
      });
  return result;
}

}  // namespace meap
