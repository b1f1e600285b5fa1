// Words and spans: what a mask policy may choose as a whole.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/philox.h"
#include "objective/mask_policy.h"

namespace meap {

/// `length` neighbours from `begin` on.
struct TokenSpan {
  int64_t begin = 0;
  int64_t length = 0;
};

/// Words of `inputs` as lists of positions, among the `eligible` (ascending) positions only. A word
/// begins at the first input, where the traits say so, and at and behind every special token.
std::vector<std::vector<int32_t>> SplitWords(const TokenTraits& traits,
                                             std::span<const int32_t> inputs,
                                             std::span<const int32_t> eligible);

/// Disjoint spans inside [0, size), ascending, `count` <= size tokens in all. Lengths are geometric
/// with mean `mean` >= 1, one of them cut so that the count is exact. They are placed on a ring,
/// all ways equally likely, so that every position is chosen equally often; a span that runs over
/// the end goes on at the start, as two spans. Neighbours may touch.
std::vector<TokenSpan> PlaceSpans(int64_t count, int64_t size, double mean, PhiloxStream& random);

}  // namespace meap
