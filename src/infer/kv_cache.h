// The key/value cache of incremental decoding.
// Shapes: K key/value heads, d head width, C capacity in tokens, N new tokens of all sequences.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "checkpoint/hf_config.h"
#include "nn/attention.h"

namespace meap {

/// Keys and values of one sequence, and the tokens they belong to. Tokens stand one after another
/// with all their heads, so that a new one is one copy and a prefix one piece of memory.
class KvCache {
 public:
  /// Room for `capacity` tokens. On the CPU the system gives the memory as it is written.
  KvCache(const LlamaConfig& config, int64_t capacity, at::ScalarType dtype, at::Device device);
  /// Bytes that a cache of `capacity` tokens takes.
  static int64_t Bytes(const LlamaConfig& config, int64_t capacity, at::ScalarType dtype);

  int64_t length() const { return static_cast<int64_t>(ids_.size()); }
  int64_t capacity() const { return capacity_; }
  const std::vector<int32_t>& ids() const { return ids_; }

  /// Takes the first `tokens` tokens of `other`, which has another sequence of the same model.
  void CopyPrefix(const KvCache& other, int64_t tokens);

 private:
  friend class CacheAttender;
  friend class DecodeStep;

  int64_t capacity_;
  std::vector<int32_t> ids_;
  std::vector<at::Tensor> keys_CKd_;  // one a layer
  std::vector<at::Tensor> values_CKd_;
};

/// New tokens of some sequences in one forward pass: they stand one after another in N, each
/// sequence's behind what its cache holds.
class CacheAttender : public Attender {
 public:
  struct Part {
    KvCache* cache;
    std::vector<int32_t> ids;  // the new tokens, at least one; they must fit the capacity
  };
  explicit CacheAttender(std::vector<Part> parts);

  const std::vector<Part>& parts() const { return parts_; }
  /// The new tokens and their positions, int64 [N], for Llama::Forward.
  at::Tensor Tokens(at::Device device) const;
  at::Tensor Positions(at::Device device) const;
  /// Where in N each sequence's last new token stands: int64 [parts].
  at::Tensor LastRows(at::Device device) const;

  /// Writes the new keys and values behind the old ones and attends to all of them, causally.
  at::Tensor Attend(int64_t layer, const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                    const at::Tensor& v_NKd) override;
  /// After the forward pass: the new tokens belong to the caches.
  void Commit();

 private:
  std::vector<Part> parts_;
};

}  // namespace meap
