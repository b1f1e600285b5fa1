#include "nn/cached_attention.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "nn/attention.h"

namespace meap {

at::Tensor CachedAttention(const at::Tensor& q_NHd, const std::vector<CachedSequence>& sequences) {
  int64_t queries = 0;
  for (const CachedSequence& sequence : sequences) {
    MEAP_CHECK(sequence.fresh <= sequence.k_TKd.size(0), "new tokens are in the cache");
    queries += sequence.fresh;
  }
  MEAP_CHECK(queries == q_NHd.size(0), "sequences do not cover the queries");
  return reference::CachedAttention(q_NHd, sequences);
}

}  // namespace meap
