// A made-up model over byte tokens: what the core does with requests can be tested without weights.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "eval/scorer.h"
#include "eval/task.h"
#include "tests/evaltext/byte_codec.h"

namespace meap::testing {

/// Every byte is a token, no BOS; the context holds `max_length` tokens.
inline ModelView ByteView(int64_t max_length = 1 << 15) {
  ModelView view;
  view.codec = testing::ByteCodec();
  view.max_length_tokens = max_length;
  const auto encode = view.codec.encode;
  view.encode_prompt = [encode](const std::string& text) { return encode(text); };
  view.encode_pair = [encode](const std::string& context, const std::string& continuation) {
    return ScoreRequest{encode(context), encode(continuation)};
  };
  view.prefix = [] { return int32_t{0}; };
  return view;
}

/// Answers by functions of the requests' bytes, `batch` requests at a time.
class PseudoScorer : public Scorer {
 public:
  using Answer = std::function<Response(const Request&)>;
  explicit PseudoScorer(Answer answer, size_t batch = 7)
      : answer_(std::move(answer)), batch_(batch) {}

  void Run(std::span<const Request> requests, std::span<std::optional<Response>> responses,
           const BatchDone& done) override {
    for (size_t begin = 0; begin < requests.size(); begin += batch_) {
      std::vector<size_t> batch;
      for (size_t i = begin; i < std::min(begin + batch_, requests.size()); ++i) {
        if (responses[i]) continue;
        responses[i] = answer_(requests[i]);
        batch.push_back(i);
      }
      if (batch.empty()) continue;
      asked += batch.size();
      done(batch);
    }
  }

  size_t asked = 0;

 private:
  Answer answer_;
  size_t batch_;
};

inline std::string Text(const std::vector<int32_t>& bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace meap::testing
