#include "infer/score.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <numeric>

#include "core/console.h"
#include "core/error.h"

namespace meap {
namespace {

/// A request cut to the model's context: `ids` are fed, the last `scored` of `targets` are judged.
struct Sequence {
  std::vector<int64_t> ids;
  std::vector<int64_t> targets;
};

Sequence Cut(const ScoreRequest& request, int64_t max_length) {
  std::vector<int64_t> all(request.context.begin(), request.context.end());
  all.insert(all.end(), request.continuation.begin(), request.continuation.end());
  const int64_t extra = static_cast<int64_t>(all.size()) - (max_length + 1);
  if (extra > 0) all.erase(all.begin(), all.begin() + extra);  // the left is lost first
  Sequence sequence;
  sequence.ids.assign(all.begin(), all.end() - 1);
  const size_t scored = std::min(request.continuation.size(), sequence.ids.size());
  sequence.targets.assign(all.end() - static_cast<std::ptrdiff_t>(scored), all.end());
  return sequence;
}

/// Scores some sequences in one packed forward pass; logits only where something is judged.
void ScoreBatch(const Llama& model, const std::vector<Sequence>& sequences,
                const std::vector<ScoreResult*>& results) {
  const at::Device device = model.head().device();
  std::vector<int64_t> ids, positions, judged, targets;
  Segments segments{{0}};
  for (const Sequence& sequence : sequences) {
    const auto length = static_cast<int64_t>(sequence.ids.size());
    const auto scored = static_cast<int64_t>(sequence.targets.size());
    ids.insert(ids.end(), sequence.ids.begin(), sequence.ids.end());
    for (int64_t t = 0; t < length; ++t) positions.push_back(t);
    const int64_t end = segments.tokens() + length;
    for (int64_t t = end - scored; t < end; ++t) judged.push_back(t);
    targets.insert(targets.end(), sequence.targets.begin(), sequence.targets.end());
    segments.offsets.push_back(end);
  }
  PackedAttender attender(segments);
  const at::Tensor hidden_ND =
      model.Forward(at::tensor(ids).to(device), at::tensor(positions).to(device), attender);
  const at::Tensor rows_M = at::tensor(judged).to(device);
  const at::Tensor targets_M = at::tensor(targets).to(device);
  std::vector<at::Tensor> logprobs, greedy;
  constexpr int64_t kRows = 256;  // logits of some rows at a time
  for (int64_t begin = 0; begin < rows_M.size(0); begin += kRows) {
    const int64_t count = std::min(kRows, rows_M.size(0) - begin);
    const at::Tensor logits =
        model.Logits(hidden_ND.index_select(0, rows_M.narrow(0, begin, count)));
    const at::Tensor target = targets_M.narrow(0, begin, count);
    logprobs.push_back(logits.log_softmax(-1).gather(1, target.unsqueeze(1)).squeeze(1));
    greedy.push_back(logits.argmax(-1).eq(target));
  }
  const at::Tensor logprob = at::cat(logprobs).to(at::kCPU, at::kDouble);
  const at::Tensor matches = at::cat(greedy).to(at::kCPU);
  int64_t begin = 0;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const auto count = static_cast<int64_t>(sequences[i].targets.size());
    results[i]->logprob = logprob.narrow(0, begin, count).sum().item<double>();
    results[i]->greedy = matches.narrow(0, begin, count).all().item<bool>();
    results[i]->tokens = count;
    begin += count;
  }
}

}  // namespace

ScoreRequest EncodeRequest(const Tokenizer& tokenizer, const std::string& context,
                           const std::string& continuation) {
  ScoreRequest request;
  if (context.empty()) {
    const auto first = tokenizer.bos() ? tokenizer.bos() : tokenizer.eos();
    if (!first) {
      throw InputError({.what = "an empty context needs a BOS or EOS token to stand for it",
                        .where = "context",
                        .hint = "name bos_token in tokenizer_config.json"});
    }
    request.context = {*first};
    request.continuation = tokenizer.Encode(continuation, false);
  } else {
    request.context = tokenizer.Encode(context, true);
    const auto whole = tokenizer.Encode(context + continuation, true);
    const size_t skip = std::min(request.context.size(), whole.size());
    request.context.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(skip));
    request.continuation.assign(whole.begin() + static_cast<std::ptrdiff_t>(skip), whole.end());
  }
  if (request.continuation.empty() || request.context.empty()) {
    throw InputError({.what = "nothing to score",
                      .where = "continuation",
                      .expected = "a continuation that adds at least one token to the context",
                      .got = "\"" + continuation + "\""});
  }
  return request;
}

std::vector<ScoreResult> Score(const Llama& model, const std::vector<ScoreRequest>& requests,
                               int64_t batch_tokens) {
  const at::NoGradGuard no_grad;
  const int64_t max_length = model.config().max_position_embeddings;
  std::vector<ScoreResult> results(requests.size());
  std::vector<size_t> order(requests.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto length = [&](size_t i) {
    return requests[i].context.size() + requests[i].continuation.size();
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return length(a) > length(b); });
  ProgressBar bar("scoring", requests.size(), "requests");
  std::vector<Sequence> batch;
  std::vector<ScoreResult*> batch_results;
  int64_t tokens = 0;
  const auto flush = [&](size_t done) {
    if (!batch.empty()) ScoreBatch(model, batch, batch_results);
    batch.clear();
    batch_results.clear();
    tokens = 0;
    bar.Update(done);
  };
  for (size_t i = 0; i < order.size(); ++i) {
    Sequence sequence = Cut(requests[order[i]], max_length);
    const auto size = static_cast<int64_t>(sequence.ids.size());
    if (tokens + size > batch_tokens) flush(i);
    tokens += size;
    batch.push_back(std::move(sequence));
    batch_results.push_back(&results[order[i]]);
  }
  flush(order.size());
  return results;
}

}  // namespace meap
