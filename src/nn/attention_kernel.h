// The CPU kernels of attention.h on raw memory: blocked, causal, one pass over packed segments,
// with groups of query heads sharing keys and values where they stand. Shapes as in attention.h.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/element.h"

namespace meap {

/// Rows of one tensor [N, heads, d]: tokens stand `stride` elements apart, heads d elements.
struct TokenRows {
  const void* data = nullptr;
  int64_t stride = 0;
};

/// The inputs that forward and backward share.
struct AttentionInputs {
  Element element = Element::kF32;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  std::vector<int64_t> offsets;  // of the segments, as in Segments
  TokenRows q = {}, k = {}, v = {};
  /// Forward pass only. Where there are any, one for each segment, its keys and values stand in a
  /// cache: the segment's own, preceded by `past` older ones, and k and v above count for nothing.
  struct Cached {
    TokenRows k, v;
    int64_t past = 0;
  };
  std::vector<Cached> cached = {};

  int64_t segments() const { return static_cast<int64_t>(offsets.size()) - 1; }
  int64_t queries(int64_t segment) const { return offsets[segment + 1] - offsets[segment]; }
  int64_t past(int64_t segment) const { return cached.empty() ? 0 : cached[segment].past; }
  int64_t keys(int64_t segment) const { return past(segment) + queries(segment); }
};

/// A block of keys (attention_plan.h) of one segment and key/value head.
struct HeadBlock {
  int64_t segment;
  int64_t kv_head;
  int64_t block;
};

/// All blocks of all segments and key/value heads.
std::vector<HeadBlock> HeadBlocks(const AttentionInputs& inputs);

/// Forward pass, cut into pieces that may run in parallel in two phases: all of Pack, then all of
/// Run. Every piece writes its own part of the results, so that they do not depend on the threads.
class AttentionForward {
 public:
  /// `out` is [N, H, d] without gaps, of the inputs' element type; `log_sum` [N, H] gets the
  /// logarithm of each softmax's denominator.
  AttentionForward(AttentionInputs inputs, void* out, float* log_sum);

  /// f32 numbers that the pieces need to share; give them with SetWorkspace before Pack.
  int64_t WorkspaceSize() const { return workspace_size_; }
  void SetWorkspace(float* workspace) { workspace_ = workspace; }

  int64_t packs() const { return static_cast<int64_t>(packs_.size()); }
  void Pack(int64_t begin, int64_t end) const;
  int64_t runs() const { return static_cast<int64_t>(tasks_.size()); }
  void Run(int64_t begin, int64_t end) const;

  struct Task {
    int64_t segment;
    int64_t head;
    int64_t row;  // first query of the block, counted from the segment's start
  };
  const AttentionInputs& inputs() const { return inputs_; }
  const HeadBlock& pack(int64_t i) const { return packs_[i]; }
  const Task& task(int64_t i) const { return tasks_[i]; }
  void* out() const { return out_; }
  float* log_sum() const { return log_sum_; }
  /// Packed keys and values of one segment and head of them.
  float* packed(int64_t segment, int64_t kv_head) const {
    return workspace_ + pack_begin_[segment] + kv_head * pack_size_[segment];
  }

 private:
  AttentionInputs inputs_;
  void* out_;
  float* log_sum_;
  std::vector<HeadBlock> packs_;
  std::vector<Task> tasks_;
  std::vector<int64_t> pack_begin_;
  std::vector<int64_t> pack_size_;
  int64_t workspace_size_ = 0;
  float* workspace_ = nullptr;
};

/// Backward pass, cut into pieces that each stand alone. The bits of the results do not depend on
/// the cut: every sum has its order.
struct AttentionBackward {
  AttentionInputs inputs;
  TokenRows out, grad_out;         // the forward result and the gradient of it
  const float* log_sum = nullptr;  // of the forward pass
  // Gradients, written in full: token strides as in `inputs` may differ from these.
  TokenRows grad_q, grad_k, grad_v;

  /// A piece is all of a segment and a key/value head, which makes scores once. Where those are too
  /// few to keep `threads` busy, it is one block: of that block's positions the gradients as keys
  /// and values and those as queries, for which most scores are made twice.
  void Cut(int threads);
  int64_t pieces() const { return static_cast<int64_t>(cut.size()); }
  void Run(int64_t begin, int64_t end) const;

  static constexpr int64_t kWhole = -1;  // as a block: all of the segment
  std::vector<HeadBlock> cut;            // made by Cut
};

}  // namespace meap
