// Figures of running text: perplexity and its kin, which are figures of all text together and no
// means of documents.
#pragma once

#include <cstdint>
#include <optional>

#include "evaltext/samples.h"

namespace meap {

/// What one text, or several, came to.
struct TextSums {
  double logprob = 0;  // natural logarithm, of all tokens
  int64_t tokens = 0;
  int64_t bytes = 0;
  int64_t words = 0;

  TextSums& operator+=(const TextSums& other);
};

/// nll (nats a token), perplexity, byte_perplexity, word_perplexity, bits_per_byte.
Metrics TextScores(const TextSums& sums);

/// The sums as keys of a sample's line.
nlohmann::ordered_json TextSumsJson(const TextSums& sums);
/// Those that a sample has; nothing where it has none.
std::optional<TextSums> TextSumsOf(const EvalSample& sample);

}  // namespace meap
