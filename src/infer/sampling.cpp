#include "infer/sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_set>
#include <vector>

namespace meap {
namespace {

/// How many of the most likely tokens are sorted at first; more only where top-p wants them.
constexpr size_t kFirstSorted = 256;

/// The tokens from the most likely on, sorted as far as somebody looks.
class Ranking {
 public:
  explicit Ranking(std::span<const float> logits) : logits_(logits), ids_(logits.size()) {
    std::iota(ids_.begin(), ids_.end(), 0);
  }
  int32_t operator[](size_t rank) {
    while (rank >= sorted_) Sort(std::min(ids_.size(), std::max(kFirstSorted, 8 * sorted_)));
    return ids_[rank];
  }

 private:
  void Sort(size_t count) {
    const auto before = [this](int32_t a, int32_t b) {
      return logits_[a] != logits_[b] ? logits_[a] > logits_[b] : a < b;
    };
    const auto begin = ids_.begin() + static_cast<std::ptrdiff_t>(sorted_);
    const auto end = ids_.begin() + static_cast<std::ptrdiff_t>(count);
    if (count < ids_.size()) std::nth_element(begin, end, ids_.end(), before);
    std::sort(begin, end, before);
    sorted_ = count;
  }

  std::span<const float> logits_;
  std::vector<int32_t> ids_;
  size_t sorted_ = 0;
};

/// The first of the highest logits, in a form that compilers turn into vector instructions: with a
/// vocabulary of 50,000 and a few sequences std::max_element is a twentieth of decoding's time.
int32_t MostLikely(std::span<const float> logits) {
  constexpr size_t kLanes = 16;
  float highest[kLanes];
  std::fill(highest, highest + kLanes, -std::numeric_limits<float>::infinity());
  size_t i = 0;
  for (; i + kLanes <= logits.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      highest[lane] = logits[i + lane] > highest[lane] ? logits[i + lane] : highest[lane];
    }
  }
  for (; i < logits.size(); ++i) highest[0] = std::max(highest[0], logits[i]);
  const float top = *std::max_element(highest, highest + kLanes);
  const auto found = std::find(logits.begin(), logits.end(), top);
  return found == logits.end() ? 0 : static_cast<int32_t>(found - logits.begin());
}

}  // namespace

void PenaliseRepetition(std::span<float> logits, std::span<const int32_t> ids, double penalty) {
  if (penalty == 1) return;
  const auto factor = static_cast<float>(penalty);
  for (const int32_t id : std::unordered_set<int32_t>(ids.begin(), ids.end())) {
    logits[id] = logits[id] > 0 ? logits[id] / factor : logits[id] * factor;
  }
}

bool AreFinite(std::span<const float> logits) {
  constexpr size_t kLanes = 16;
  float sums[kLanes] = {};  // of zeros, but for what is infinite or not a number
  size_t i = 0;
  for (; i + kLanes <= logits.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) sums[lane] += logits[i + lane] * 0.0f;
  }
  for (; i < logits.size(); ++i) sums[0] += logits[i] * 0.0f;
  return std::all_of(sums, sums + kLanes, [](float sum) { return sum == 0; });
}

int32_t SampleToken(std::span<const float> logits, const SamplingOptions& options, double uniform) {
  const int32_t likeliest = MostLikely(logits);
  if (options.temperature == 0) return likeliest;
  const auto weight = [&, top = logits[likeliest]](int32_t id) {
    return std::exp((static_cast<double>(logits[id]) - top) / options.temperature);
  };
  Ranking ranking(logits);
  size_t kept = logits.size();
  if (options.top_k > 0) kept = std::min(kept, static_cast<size_t>(options.top_k));
  double sum = 0;  // over what top-k leaves
  for (size_t i = 0; i < kept; ++i) {
    sum += weight(kept == logits.size() ? static_cast<int32_t>(i) : ranking[i]);
  }
  // The first tokens whose share reaches top_p, at least one: a draw from them is one whose place
  // in the sum lies among theirs.
  double held = sum;
  if (options.top_p < 1) {
    held = 0;
    size_t count = 0;
    while (count < kept && (count == 0 || held < options.top_p * sum)) {
      held += weight(ranking[count++]);
    }
    kept = count;
  }
  double passed = 0;
  for (size_t i = 0; i + 1 < kept; ++i) {
    passed += weight(ranking[i]);
    if (passed > uniform * held) return ranking[i];
  }
  return ranking[kept - 1];
}

}  // namespace meap
