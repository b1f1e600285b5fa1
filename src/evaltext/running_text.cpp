#include "evaltext/running_text.h"

#include <cmath>
#include <numbers>

namespace meap {

TextSums& TextSums::operator+=(const TextSums& other) {
  logprob += other.logprob;
  tokens += other.tokens;
  bytes += other.bytes;
  words += other.words;
  return *this;
}

Metrics TextScores(const TextSums& sums) {
  const auto per = [&](int64_t count) { return -sums.logprob / static_cast<double>(count); };
  return {{"nll", per(sums.tokens)},
          {"perplexity", std::exp(per(sums.tokens))},
          {"byte_perplexity", std::exp(per(sums.bytes))},
          {"word_perplexity", std::exp(per(sums.words))},
          {"bits_per_byte", per(sums.bytes) / std::numbers::ln2}};
}

nlohmann::ordered_json TextSumsJson(const TextSums& sums) {
  return {{"logprob", sums.logprob},
          {"tokens", sums.tokens},
          {"bytes", sums.bytes},
          {"words", sums.words}};
}

std::optional<TextSums> TextSumsOf(const EvalSample& sample) {
  for (const char* key : {"logprob", "tokens", "bytes", "words"}) {
    if (!sample.extra.contains(key) || !sample.extra.at(key).is_number()) return std::nullopt;
  }
  return TextSums{sample.extra.at("logprob").get<double>(),
                  sample.extra.at("tokens").get<int64_t>(), sample.extra.at("bytes").get<int64_t>(),
                  sample.extra.at("words").get<int64_t>()};
}

}  // namespace meap
