// The plain libtorch form of CachedAttention: any device and dtype, and the tests' oracle.
#include <ATen/ATen.h>

#include "nn/cached_attention.h"

namespace meap::reference {
namespace {

at::Tensor Sequence(const at::Tensor& q_FHd, const CachedSequence& sequence) {
  const int64_t fresh = sequence.fresh;
  const int64_t length = sequence.length;
  const int64_t kv_heads = sequence.k_CKd.size(1);
  const int64_t group = q_FHd.size(1) / kv_heads;
  const at::Tensor k_KTd = sequence.k_CKd.narrow(0, 0, length).transpose(0, 1);
  const at::Tensor v_KTd = sequence.v_CKd.narrow(0, 0, length).transpose(0, 1);
  if (fresh == 1) {  // the queries of a group stand as rows beside each other: keys are read once
    const at::Tensor q_KGd = q_FHd.reshape({kv_heads, group, q_FHd.size(2)});
    return at::scaled_dot_product_attention(q_KGd.unsqueeze(0), k_KTd.unsqueeze(0),
                                            v_KTd.unsqueeze(0))
        .reshape(q_FHd.sizes());
  }
  const at::Tensor mask =
      at::ones({fresh, length}, q_FHd.options().dtype(at::kBool)).tril(length - fresh);
  const at::Tensor mixed_HFd =
      at::scaled_dot_product_attention(q_FHd.transpose(0, 1).unsqueeze(0),
                                       k_KTd.repeat_interleave(group, 0).unsqueeze(0),
                                       v_KTd.repeat_interleave(group, 0).unsqueeze(0), mask)
          .squeeze(0);
  return mixed_HFd.transpose(0, 1);
}

}  // namespace

at::Tensor CachedAttention(const at::Tensor& q_NHd, const std::vector<CachedSequence>& sequences) {
  std::vector<at::Tensor> mixed;
  int64_t begin = 0;
  for (const CachedSequence& sequence : sequences) {
    mixed.push_back(Sequence(q_NHd.narrow(0, begin, sequence.fresh), sequence));
    begin += sequence.fresh;
  }
  return at::cat(mixed).contiguous();
}

}  // namespace meap::reference
