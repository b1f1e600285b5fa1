#include "infer/tree_attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>

namespace meap {
namespace {

/// Rows of a slice: few, so that little is computed that the mask throws away.
constexpr int64_t kSliceTokens = 128;

/// Mask of branches with these lengths behind a trunk: causal inside each branch.
at::Tensor BranchMask(int64_t trunk, std::span<const int64_t> lengths, int64_t tokens,
                      const at::TensorOptions& options) {
  at::Tensor allowed = at::zeros({tokens, trunk + tokens}, at::kBool);
  allowed.narrow(1, 0, trunk).fill_(true);
  int64_t at = 0;
  for (const int64_t length : lengths) {
    allowed.narrow(0, at, length)
        .narrow(1, trunk + at, length)
        .copy_(at::ones({length, length}, at::kBool).tril());
    at += length;
  }
  const at::Tensor mask = at::zeros({tokens, trunk + tokens}, at::kFloat);
  mask.masked_fill_(allowed.logical_not(), -std::numeric_limits<float>::infinity());
  return mask.to(options);
}

}  // namespace

TreeAttender::TreeAttender(std::span<const ScoreTree> trees, at::ScalarType dtype,
                           at::Device device) {
  const auto options = at::TensorOptions().dtype(dtype).device(device);
  trunks_.offsets = {0};
  for (const ScoreTree& tree : trees) {
    trunks_.offsets.push_back(trunks_.tokens() + static_cast<int64_t>(tree.trunk.size()));
  }
  int64_t row = trunks_.tokens();
  for (size_t t = 0; t < trees.size(); ++t) {
    const int64_t trunk = trunks_.length(static_cast<int64_t>(t));
    std::vector<int64_t> lengths;
    int64_t tokens = 0;
    const auto finish = [&] {
      if (tokens == 0) return;
      slices_.push_back(
          {trunks_.offsets[t], trunk, row, tokens, BranchMask(trunk, lengths, tokens, options)});
      row += tokens;
      lengths.clear();
      tokens = 0;
    };
    for (const ScoreBranch& branch : trees[t].branches) {
      const auto length = static_cast<int64_t>(branch.tokens.size());
      if (tokens + length > kSliceTokens) finish();
      if (length == 0) continue;
      lengths.push_back(length);
      tokens += length;
    }
    finish();
  }
}

at::Tensor TreeAttender::Attend(int64_t, const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                                const at::Tensor& v_NKd) {
  const int64_t trunk_rows = trunks_.tokens();
  const at::Tensor trunks =
      PackedAttention(q_NHd.narrow(0, 0, trunk_rows), k_NKd.narrow(0, 0, trunk_rows),
                      v_NKd.narrow(0, 0, trunk_rows), trunks_);
  if (slices_.empty()) return trunks;
  at::Tensor out_NHd = at::empty(q_NHd.sizes(), q_NHd.options());
  out_NHd.narrow(0, 0, trunk_rows).copy_(trunks);
  // Slices are small: each is one thread's work, and the longer ones, which come first, go round.
  const int64_t workers = q_NHd.is_cpu() ? at::get_num_threads() : 1;
  at::parallel_for(0, workers, 1, [&](int64_t begin, int64_t end) {
    const at::NoGradGuard no_grad;  // is a thread's own
    for (int64_t worker = begin; worker < end; ++worker) {
      for (auto i = static_cast<size_t>(worker); i < slices_.size();
           i += static_cast<size_t>(workers)) {
        AttendSlice(slices_[i], q_NHd, k_NKd, v_NKd, out_NHd);
      }
    }
  });
  return out_NHd;
}

void TreeAttender::AttendSlice(const Slice& slice, const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                               const at::Tensor& v_NKd, const at::Tensor& out_NHd) {
  const int64_t kv_heads = k_NKd.size(1);
  const int64_t group = q_NHd.size(1) / kv_heads;
  const int64_t width = q_NHd.size(2);
  const auto keys = [&](const at::Tensor& x_NKd) {  // [1, K, P + M, d]
    return at::cat({x_NKd.narrow(0, slice.trunk_begin, slice.trunk_tokens),
                    x_NKd.narrow(0, slice.begin, slice.tokens)})
        .transpose(0, 1)
        .unsqueeze(0);
  };
  // The query heads of a group stand as further rows beside each other: keys are read once.
  const at::Tensor q = q_NHd.narrow(0, slice.begin, slice.tokens)
                           .view({slice.tokens, kv_heads, group, width})
                           .permute({1, 2, 0, 3})
                           .reshape({1, kv_heads, group * slice.tokens, width});
  const at::Tensor mixed =
      at::scaled_dot_product_attention(q, keys(k_NKd), keys(v_NKd), slice.mask.repeat({group, 1}));
  out_NHd.narrow(0, slice.begin, slice.tokens)
      .view({slice.tokens, kv_heads, group, width})
      .copy_(mixed.view({kv_heads, group, slice.tokens, width}).permute({2, 0, 1, 3}));
}

TreeLayout LayOut(std::span<const ScoreTree> trees) {
  TreeLayout layout;
  const auto add = [&](const std::vector<int32_t>& tokens, size_t position) {
    for (const int32_t token : tokens) {
      layout.tokens.push_back(token);
      layout.positions.push_back(static_cast<int64_t>(position++));
    }
  };
  std::vector<size_t> trunk_begin;
  for (const ScoreTree& tree : trees) {
    trunk_begin.push_back(layout.tokens.size());
    add(tree.trunk, 0);
  }
  for (size_t t = 0; t < trees.size(); ++t) {
    const size_t trunk = trees[t].trunk.size();
    for (const ScoreBranch& branch : trees[t].branches) {
      const size_t branch_begin = layout.tokens.size();
      add(branch.tokens, trunk);
      const size_t first = trunk + branch.tokens.size() - branch.targets.size();
      for (size_t i = 0; i < branch.targets.size(); ++i) {
        const size_t at = first + i;  // in the sequence
        const size_t row = at < trunk ? trunk_begin[t] + at : branch_begin + at - trunk;
        layout.judged.push_back({static_cast<int64_t>(row), branch.targets[i], branch.request, i});
      }
    }
  }
  std::stable_sort(layout.judged.begin(), layout.judged.end(),
                   [](const auto& a, const auto& b) { return a.row < b.row; });
  return layout;
}

}  // namespace meap
