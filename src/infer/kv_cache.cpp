#include "infer/kv_cache.h"

#include <ATen/ATen.h>

#include <cstddef>
#include <cstring>

#include "core/error.h"
#include "nn/cached_attention.h"
#include "nn/heads.h"

namespace meap {
namespace {

/// Writes tokens [begin, begin + count) of fresh_NKd behind the first `past` of a cache.
void Append(const at::Tensor& cache_CKd, int64_t past, const at::Tensor& fresh_NKd, int64_t begin,
            int64_t count) {
  const int64_t width = cache_CKd.stride(0);
  if (!cache_CKd.is_cpu() || !HasDenseHeads(fresh_NKd)) {
    cache_CKd.narrow(0, past, count).copy_(fresh_NKd.narrow(0, begin, count));
    return;
  }
  // Decoding does it for every layer and sequence: three calls of libtorch would cost more than the
  // attention to a short cache.
  const auto bytes = static_cast<int64_t>(cache_CKd.element_size());
  auto* to = static_cast<std::byte*>(cache_CKd.data_ptr()) + past * width * bytes;
  const auto* from = static_cast<const std::byte*>(fresh_NKd.const_data_ptr());
  for (int64_t i = 0; i < count; ++i, to += width * bytes) {
    std::memcpy(to, from + (begin + i) * fresh_NKd.stride(0) * bytes, width * bytes);
  }
}

}  // namespace

KvCache::KvCache(const LlamaConfig& config, int64_t capacity, at::ScalarType dtype,
                 at::Device device)
    : capacity_(capacity) {
  const auto options = at::TensorOptions().dtype(dtype).device(device);
  const std::vector<int64_t> shape = {capacity, config.num_key_value_heads, config.head_dim};
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    keys_CKd_.push_back(at::empty(shape, options));
    values_CKd_.push_back(at::empty(shape, options));
  }
}

int64_t KvCache::Bytes(const LlamaConfig& config, int64_t capacity, at::ScalarType dtype) {
  return 2 * config.num_hidden_layers * capacity * config.num_key_value_heads * config.head_dim *
         static_cast<int64_t>(c10::elementSize(dtype));
}

void KvCache::CopyPrefix(const KvCache& other, int64_t tokens) {
  MEAP_CHECK(tokens <= other.length() && tokens <= capacity_, "a prefix fits both caches");
  for (size_t layer = 0; layer < keys_CKd_.size(); ++layer) {
    keys_CKd_[layer].narrow(0, 0, tokens).copy_(other.keys_CKd_[layer].narrow(0, 0, tokens));
    values_CKd_[layer].narrow(0, 0, tokens).copy_(other.values_CKd_[layer].narrow(0, 0, tokens));
  }
  ids_.assign(other.ids_.begin(), other.ids_.begin() + tokens);
}

CacheAttender::CacheAttender(std::vector<Part> parts) : parts_(std::move(parts)) {
  for (const Part& part : parts_) {
    const auto fresh = static_cast<int64_t>(part.ids.size());
    MEAP_CHECK(fresh > 0, "every sequence has a new token");
    MEAP_CHECK(part.cache->length() + fresh <= part.cache->capacity(), "key/value cache overflow");
  }
}

at::Tensor CacheAttender::Tokens(at::Device device) const {
  std::vector<int64_t> tokens;
  for (const Part& part : parts_) tokens.insert(tokens.end(), part.ids.begin(), part.ids.end());
  return at::tensor(tokens).to(device);
}

at::Tensor CacheAttender::Positions(at::Device device) const {
  std::vector<int64_t> positions;
  for (const Part& part : parts_) {
    for (size_t i = 0; i < part.ids.size(); ++i) {
      positions.push_back(part.cache->length() + static_cast<int64_t>(i));
    }
  }
  return at::tensor(positions).to(device);
}

at::Tensor CacheAttender::LastRows(at::Device device) const {
  std::vector<int64_t> rows;
  int64_t end = 0;
  for (const Part& part : parts_) {
    end += static_cast<int64_t>(part.ids.size());
    rows.push_back(end - 1);
  }
  return at::tensor(rows).to(device);
}

at::Tensor CacheAttender::Attend(int64_t layer, const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                                 const at::Tensor& v_NKd) {
  std::vector<CachedSequence> sequences;
  int64_t begin = 0;
  for (const Part& part : parts_) {
    const auto fresh = static_cast<int64_t>(part.ids.size());
    const int64_t past = part.cache->length();
    const at::Tensor& k_CKd = part.cache->keys_CKd_[layer];
    const at::Tensor& v_CKd = part.cache->values_CKd_[layer];
    Append(k_CKd, past, k_NKd, begin, fresh);
    Append(v_CKd, past, v_NKd, begin, fresh);
    sequences.push_back({k_CKd, v_CKd, past + fresh, fresh});
    begin += fresh;
  }
  return CachedAttention(q_NHd, sequences);
}

void CacheAttender::Commit() {
  for (Part& part : parts_) {
    part.cache->ids_.insert(part.cache->ids_.end(), part.ids.begin(), part.ids.end());
  }
}

}  // namespace meap
