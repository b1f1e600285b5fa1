#include "infer/score.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/console.h"
#include "core/machine.h"
#include "infer/loaded_model.h"
#include "infer/out_of_memory.h"
#include "infer/tree_attention.h"

// Shapes: N tokens, R judged rows, J judged pairs (row, target), V vocabulary.
namespace meap {
namespace {

using Judged = TreeLayout::Judged;

/// Log-probability of each judged target, and whether it is the most likely token of its row.
struct Judgements {
  at::Tensor logprob_J;  // f32
  at::Tensor greedy_J;   // bool
};

/// Judges pairs [begin, end), whose rows are few enough to hold their logits at once.
Judgements Judge(const Llama& model, const at::Tensor& hidden_ND, const Judged* begin,
                 const Judged* end) {
  std::vector<int64_t> rows, row_of, targets;
  for (const Judged* pair = begin; pair != end; ++pair) {
    if (rows.empty() || rows.back() != pair->row) rows.push_back(pair->row);
    row_of.push_back(static_cast<int64_t>(rows.size()) - 1);
    targets.push_back(pair->target);
  }
  const at::Device device = hidden_ND.device();
  const at::Tensor logits_RV = model.Logits(hidden_ND.index_select(0, at::tensor(rows).to(device)));
  const at::Tensor row_J = at::tensor(row_of).to(device);
  const at::Tensor target_J = at::tensor(targets).to(device);
  const at::Tensor logit_J = logits_RV.index({row_J, target_J});
  return {(logit_J - logits_RV.logsumexp(-1).index_select(0, row_J)).to(at::kCPU),
          logits_RV.argmax(-1).index_select(0, row_J).eq(target_J).to(at::kCPU)};
}

void RunTrees(const Llama& model, std::span<const ScoreTree> trees,
              const std::function<void(size_t, ScoreResult)>& result) {
  const at::NoGradGuard no_grad;
  const at::Device device = model.head().device();
  const TreeLayout layout = LayOut(trees);
  TreeAttender attender(trees, model.head().scalar_type(), device);
  const at::Tensor hidden_ND = model.Forward(at::tensor(layout.tokens).to(device),
                                             at::tensor(layout.positions).to(device), attender);
  std::map<size_t, ScoreResult> results;
  for (const ScoreTree& tree : trees) {
    for (const ScoreBranch& branch : tree.branches) {
      ScoreResult& one = results[branch.request];
      one.tokens = static_cast<int64_t>(branch.targets.size());
      one.token_logprobs.resize(branch.targets.size());
      one.greedy = true;
    }
  }
  constexpr std::ptrdiff_t kPairs = 256;  // logits of some rows at a time
  const Judged* const end = layout.judged.data() + layout.judged.size();
  for (const Judged* begin = layout.judged.data(); begin != end;) {
    const Judged* const stop = begin + std::min<std::ptrdiff_t>(kPairs, end - begin);
    const Judgements judgements = Judge(model, hidden_ND, begin, stop);
    const float* logprob = judgements.logprob_J.const_data_ptr<float>();
    const bool* greedy = judgements.greedy_J.const_data_ptr<bool>();
    for (; begin != stop; ++begin, ++logprob, ++greedy) {
      ScoreResult& one = results[begin->request];
      one.token_logprobs[begin->index] = *logprob;
      one.greedy = one.greedy && *greedy;
    }
  }
  for (auto& [request, one] : results) {
    for (const float logprob : one.token_logprobs) one.logprob += logprob;
    if (!std::isfinite(one.logprob)) ThrowNotFinite();
    result(request, std::move(one));
  }
}

}  // namespace

void RunScoreBatch(const Llama& model, const ScoreBatch& batch,
                   const std::function<void(size_t, ScoreResult)>& result) {
  RunHalving(batch.size(), [&](size_t begin, size_t end) {
    RunTrees(model, std::span(batch).subspan(begin, end - begin), result);
  });
}

std::vector<ScoreResult> Score(const Llama& model, std::span<const ScoreRequest> requests,
                               int64_t batch_tokens) {
  // What a request without a continuation comes to: the empty product.
  std::vector<ScoreResult> results(requests.size(), ScoreResult{.greedy = true});
  ProgressBar bar("scoring", requests.size(), "requests");
  uint64_t done = static_cast<uint64_t>(
      std::count_if(requests.begin(), requests.end(),
                    [](const ScoreRequest& request) { return request.continuation.empty(); }));
  MemoryWatch memory;
  for (const ScoreBatch& batch :
       PlanScoreBatches(requests, model.config().max_position_embeddings, batch_tokens)) {
    RunScoreBatch(model, batch, [&](size_t request, ScoreResult result) {
      results[request] = std::move(result);
      ++done;
    });
    memory.Look();
    bar.Update(done);
  }
  return results;
}

}  // namespace meap
