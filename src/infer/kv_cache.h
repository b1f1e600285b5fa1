// The key/value cache of incremental decoding.
// Shapes: R sequences, H query heads, K key/value heads, d head width, C capacity, N = R x new
// tokens.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "checkpoint/hf_config.h"
#include "nn/attention.h"

namespace meap {

/// Keys and values of R sequences of one common length, grown by every forward pass. Use: Forward()
/// with this as attender for the R x n new tokens, then Advance(n).
class KvCache : public Attender {
 public:
  KvCache(const LlamaConfig& config, int64_t sequences, int64_t capacity, at::ScalarType dtype,
          at::Device device);

  /// Writes the new keys and values behind the old ones and attends to all of them, causally.
  at::Tensor Attend(int64_t layer, const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                    const at::Tensor& v_NKd) override;
  void Advance(int64_t tokens) { length_ += tokens; }
  /// Forgets everything from position `length` on.
  void Truncate(int64_t length) { length_ = length; }
  int64_t length() const { return length_; }
  int64_t capacity() const { return capacity_; }

 private:
  int64_t sequences_;
  int64_t capacity_;
  int64_t length_ = 0;
  std::vector<at::Tensor> keys_RKCd_;
  std::vector<at::Tensor> values_RKCd_;
};

}  // namespace meap
