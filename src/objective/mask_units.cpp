#include "objective/mask_units.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace meap {
namespace {

/// Lengths that sum to `count`, in an order in which the cut one may stand anywhere.
std::vector<int64_t> SpanLengths(int64_t count, double mean, PhiloxStream& random) {
  std::vector<int64_t> lengths;
  // P(length > n) = (1 - 1/mean)^n, by inversion.
  const double log_stay = mean > 1 ? std::log1p(-1 / mean) : 0;
  for (int64_t left = count; left > 0; left -= lengths.back()) {
    const double u = 1.0 - random.Uniform();  // (0, 1]
    const double extra = mean > 1 ? std::floor(std::log(u) / log_stay) : 0;
    lengths.push_back(1 + static_cast<int64_t>(std::min(extra, static_cast<double>(left - 1))));
  }
  if (!lengths.empty()) {
    std::swap(lengths.back(), lengths[random.Below(static_cast<uint32_t>(lengths.size()))]);
  }
  return lengths;
}

}  // namespace

std::vector<std::vector<int32_t>> SplitWords(const TokenTraits& traits,
                                             std::span<const int32_t> inputs,
                                             std::span<const int32_t> eligible) {
  std::vector<std::vector<int32_t>> words;
  int32_t before = -2;
  for (const int32_t t : eligible) {
    const bool starts = t == 0 || t != before + 1 || traits.StartsWord(inputs[t]) ||
                        traits.IsSpecial(inputs[t]) || traits.IsSpecial(inputs[t - 1]);
    if (starts) words.emplace_back();
    words.back().push_back(t);
    before = t;
  }
  return words;
}

std::vector<TokenSpan> PlaceSpans(int64_t count, int64_t size, double mean, PhiloxStream& random) {
  const std::vector<int64_t> lengths = SpanLengths(count, mean, random);
  const auto spans = static_cast<int64_t>(lengths.size());
  // With every span shrunk to one slot, a placement is a choice of `spans` of the slots.
  std::vector<int64_t> slots(size - count + spans);
  std::iota(slots.begin(), slots.end(), 0);
  for (int64_t i = 0; i < spans; ++i) {
    std::swap(slots[i], slots[i + random.Below(static_cast<uint32_t>(slots.size() - i))]);
  }
  slots.resize(spans);
  std::sort(slots.begin(), slots.end());
  const int64_t turn = size > 0 ? random.Below(static_cast<uint32_t>(size)) : 0;
  std::vector<TokenSpan> placed;
  int64_t grown = 0;  // by how much the spans so far are longer than their slots
  for (int64_t i = 0; i < spans; ++i) {
    const int64_t begin = (slots[i] + grown + turn) % size;
    const int64_t before_end = std::min(lengths[i], size - begin);
    placed.push_back({begin, before_end});
    if (before_end < lengths[i]) placed.push_back({0, lengths[i] - before_end});
    grown += lengths[i] - 1;
  }
  std::sort(placed.begin(), placed.end(),
            [](const TokenSpan& a, const TokenSpan& b) { return a.begin < b.begin; });
  return placed;
}

}  // namespace meap
