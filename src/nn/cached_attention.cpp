#include "nn/cached_attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "core/error.h"
#include "nn/attention_kernel.h"
#include "nn/cached_attention_kernel.h"
#include "nn/dispatch.h"
#include "nn/heads.h"

namespace meap {
namespace {

/// Pieces (up to 256 keys each) that outweigh handing them to another thread.
constexpr int64_t kDecodeGrain = 2;

/// One new token each: every key is read once, for all the heads that share it.
void Decode(const at::Tensor& q_NHd, const std::vector<CachedSequence>& sequences,
            const at::Tensor& out_NHd) {
  std::vector<CachedRows> rows;
  rows.reserve(sequences.size());
  for (const CachedSequence& sequence : sequences) {
    rows.push_back(
        {sequence.k_CKd.const_data_ptr(), sequence.v_CKd.const_data_ptr(), sequence.length});
  }
  DecodeAttention work(ElementOf(q_NHd), q_NHd.size(1), sequences[0].k_CKd.size(1), q_NHd.size(2),
                       std::move(rows), q_NHd.const_data_ptr(), q_NHd.stride(0),
                       out_NHd.data_ptr());
  const at::Tensor workspace = at::empty({work.WorkspaceSize()}, q_NHd.options().dtype(at::kFloat));
  work.SetWorkspace(workspace.mutable_data_ptr<float>());
  at::parallel_for(0, work.pieces(), kDecodeGrain, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(work.ScratchSize());
    work.Attend(begin, end, scratch.data());
  });
  work.Merge(0, work.merges());
}

/// Any numbers of new tokens: the blocked kernel of training.
void Prefill(const at::Tensor& q_NHd, const std::vector<CachedSequence>& sequences,
             const at::Tensor& out_NHd) {
  AttentionInputs inputs{.element = ElementOf(q_NHd),
                         .heads = q_NHd.size(1),
                         .kv_heads = sequences[0].k_CKd.size(1),
                         .head_dim = q_NHd.size(2),
                         .offsets = {0},
                         .q = RowsOf(q_NHd)};
  for (const CachedSequence& sequence : sequences) {
    inputs.offsets.push_back(inputs.offsets.back() + sequence.fresh);
    inputs.cached.push_back(
        {RowsOf(sequence.k_CKd), RowsOf(sequence.v_CKd), sequence.length - sequence.fresh});
  }
  const auto f32 = q_NHd.options().dtype(at::kFloat);
  const at::Tensor log_sum_NH = at::empty({q_NHd.size(0), q_NHd.size(1)}, f32);
  AttentionForward work(std::move(inputs), out_NHd.data_ptr(),
                        log_sum_NH.mutable_data_ptr<float>());
  const at::Tensor workspace = at::empty({work.WorkspaceSize()}, f32);
  work.SetWorkspace(workspace.mutable_data_ptr<float>());
  at::parallel_for(0, work.packs(), 1, [&](int64_t begin, int64_t end) { work.Pack(begin, end); });
  at::parallel_for(0, work.runs(), 1, [&](int64_t begin, int64_t end) { work.Run(begin, end); });
}

}  // namespace

at::Tensor CachedAttention(const at::Tensor& q_in, const std::vector<CachedSequence>& sequences) {
  int64_t queries = 0;
  bool decodes = true;
  for (const CachedSequence& sequence : sequences) {
    MEAP_CHECK(sequence.fresh > 0 && sequence.fresh <= sequence.length &&
                   sequence.length <= sequence.k_CKd.size(0),
               "new tokens are in the cache");
    MEAP_CHECK(sequence.k_CKd.is_contiguous() && sequence.v_CKd.is_contiguous(),
               "a cache holds token after token");
    queries += sequence.fresh;
    decodes = decodes && sequence.fresh == 1;
  }
  MEAP_CHECK(queries == q_in.size(0), "sequences cover the queries");
  if (!HasKernel(q_in) || sequences.empty()) return reference::CachedAttention(q_in, sequences);
  const at::Tensor q_NHd = DenseHeads(q_in);
  at::Tensor out_NHd = at::empty(q_NHd.sizes(), q_NHd.options());
  if (decodes) {
    Decode(q_NHd, sequences, out_NHd);
  } else {
    Prefill(q_NHd, sequences, out_NHd);
  }
  return out_NHd;
}

}  // namespace meap
