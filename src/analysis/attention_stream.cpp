#include "analysis/attention_stream.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace meap {
namespace {

/// Weights in a block: few enough for the caches, enough to keep the cores busy.
constexpr int64_t kBlockElements = int64_t{1} << 20;
constexpr int64_t kFewestQueries = 8;

}  // namespace

AttentionStream::AttentionStream(int64_t sequences, int64_t length,
                                 std::vector<AttentionObserver*> observers, int64_t first_query)
    : sequences_(sequences),
      length_(length),
      observers_(std::move(observers)),
      first_query_(first_query),
      segments_(Segments::Regular(sequences, length)) {}

at::Tensor AttentionStream::Attend(int64_t layer, const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                                   const at::Tensor& v_NKd) {
  Show(layer, q_NHd, k_NKd);
  return PackedAttention(q_NHd, k_NKd, v_NKd, segments_);
}

void AttentionStream::Show(int64_t layer, const at::Tensor& q_NHd, const at::Tensor& k_NKd) const {
  const int64_t heads = q_NHd.size(1), kv_heads = k_NKd.size(1), width = q_NHd.size(2);
  const int64_t pairs = sequences_ * kv_heads;
  const int64_t group = heads / kv_heads;  // query heads that share a key head
  const double scale = 1.0 / std::sqrt(static_cast<double>(width));
  const at::Tensor q_RKGTd = q_NHd.to(at::kFloat)
                                 .mul(scale)
                                 .view({sequences_, length_, kv_heads, group, width})
                                 .permute({0, 2, 3, 1, 4});
  const at::Tensor k_PdT = k_NKd.to(at::kFloat)
                               .view({sequences_, length_, kv_heads, width})
                               .permute({0, 2, 3, 1})
                               .reshape({pairs, width, length_});
  const int64_t wanted = kBlockElements / (sequences_ * heads * length_);
  const int64_t most = std::clamp(wanted, kFewestQueries, length_);
  for (int64_t first = first_query_; first < length_; first += most) {
    const int64_t queries = std::min(most, length_ - first);
    const int64_t keys = first + queries;
    const at::Tensor q_PMd =
        q_RKGTd.narrow(3, first, queries).reshape({pairs, group * queries, width});
    at::Tensor scores =
        at::bmm(q_PMd, k_PdT.narrow(2, 0, keys)).view({sequences_, heads, queries, keys});
    const at::Tensor ahead_BB =
        at::ones({queries, queries}, scores.options().dtype(at::kBool)).triu(1);
    scores.narrow(3, first, queries)
        .masked_fill_(ahead_BB, -std::numeric_limits<float>::infinity());
    const AttentionBlock block{layer, first, at::softmax(scores, -1)};
    for (AttentionObserver* observer : observers_) observer->Observe(block);
  }
}

}  // namespace meap
