#include "infer/kv_cache.h"

#include <ATen/ATen.h>

#include <limits>

#include "core/error.h"

namespace meap {

KvCache::KvCache(const LlamaConfig& config, int64_t sequences, int64_t capacity,
                 at::ScalarType dtype, at::Device device)
    : sequences_(sequences), capacity_(capacity) {
  const auto options = at::TensorOptions().dtype(dtype).device(device);
  const std::vector<int64_t> shape = {sequences, config.num_key_value_heads, capacity,
                                      config.head_dim};
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    keys_RKCd_.push_back(at::empty(shape, options));
    values_RKCd_.push_back(at::empty(shape, options));
  }
}

at::Tensor KvCache::Attend(int64_t layer, const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                           const at::Tensor& v_NKd) {
  const int64_t fresh = q_NHd.size(0) / sequences_;
  const int64_t end = length_ + fresh;
  MEAP_CHECK(end <= capacity_, "key/value cache overflow");
  const auto split = [&](const at::Tensor& x_NHd) {
    return x_NHd.view({sequences_, fresh, x_NHd.size(1), x_NHd.size(2)}).transpose(1, 2);
  };
  keys_RKCd_[layer].narrow(2, length_, fresh).copy_(split(k_NKd));
  values_RKCd_[layer].narrow(2, length_, fresh).copy_(split(v_NKd));
  const at::Tensor k_RKTd = keys_RKCd_[layer].narrow(2, 0, end);
  const at::Tensor v_RKTd = values_RKCd_[layer].narrow(2, 0, end);
  const int64_t heads = q_NHd.size(1);
  const int64_t kv_heads = k_NKd.size(1);
  at::Tensor mixed;
  if (fresh == 1) {  // the queries of a group stand as rows beside each other: keys are read once
    const at::Tensor q_RKGd =
        q_NHd.reshape({sequences_, kv_heads, heads / kv_heads, q_NHd.size(2)});
    mixed = at::scaled_dot_product_attention(q_RKGd, k_RKTd, v_RKTd);
    return mixed.reshape(q_NHd.sizes());
  }
  std::optional<at::Tensor> mask;
  if (length_ > 0) {  // new token i sees every position up to length_ + i
    mask = at::ones({fresh, end}, q_NHd.options().dtype(at::kBool)).tril(length_);
  }
  mixed = at::scaled_dot_product_attention(
      split(q_NHd), k_RKTd.repeat_interleave(heads / kv_heads, 1),
      v_RKTd.repeat_interleave(heads / kv_heads, 1), mask, 0.0, /*is_causal=*/!mask.has_value());
  return mixed.transpose(1, 2).reshape(q_NHd.sizes());
}

}  // namespace meap
