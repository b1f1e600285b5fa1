// The CPU kernel of cached_attention.h for one new token a sequence, on raw memory. The keys of a
// sequence are cut into chunks of a fixed length, each by itself (Flash-Decoding, Dao et al.,
// 2023), so that one long sequence too is work for all threads. Shapes as in cached_attention.h.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/element.h"

namespace meap {

/// Keys and values of one sequence, [T, K, d] without gaps.
struct CachedRows {
  const void* k = nullptr;
  const void* v = nullptr;
  int64_t length = 0;  // T, at least 1
};

/// Two phases, each of pieces that may run in parallel: all of Attend, then all of Merge.
class DecodeAttention {
 public:
  /// q [N, H, d]: tokens stand `q_stride` elements apart, heads d. out [N, H, d] without gaps.
  DecodeAttention(Element element, int64_t heads, int64_t kv_heads, int64_t head_dim,
                  std::vector<CachedRows> sequences, const void* q, int64_t q_stride, void* out);

  /// f32 numbers that the phases share; give them with SetWorkspace before Attend.
  int64_t WorkspaceSize() const { return pieces() * group() * partial_size(); }
  void SetWorkspace(float* workspace) { workspace_ = workspace; }

  int64_t pieces() const { return static_cast<int64_t>(pieces_.size()); }
  /// f32 numbers that one call of Attend uses, its own.
  int64_t ScratchSize() const;
  void Attend(int64_t begin, int64_t end, float* scratch) const;
  int64_t merges() const { return static_cast<int64_t>(sequences_.size()) * kv_heads_; }
  void Merge(int64_t begin, int64_t end) const;

  /// Keys of a chunk.
  static constexpr int64_t kChunk = 256;
  /// Room for one head's scores, written in tiles.
  static constexpr int64_t kScoreStep = kChunk + 4;
  struct Piece {
    int64_t sequence;
    int64_t kv_head;
    int64_t key;  // the chunk's first
  };
  Element element() const { return element_; }
  int64_t kv_heads() const { return kv_heads_; }
  int64_t group() const { return group_; }  // query heads of one key/value head
  int64_t head_dim() const { return head_dim_; }
  const Piece& piece(int64_t i) const { return pieces_[i]; }
  const CachedRows& sequence(int64_t i) const { return sequences_[i]; }
  /// The pieces of merge i (a sequence and one of its key/value heads) are those from
  /// first_piece(i) to first_piece(i + 1).
  int64_t first_piece(int64_t merge) const { return first_piece_[merge]; }
  /// Of piece and head of its group: maximum, sum of weights, and weighted values [d].
  float* partial(int64_t piece, int64_t head) const {
    return workspace_ + (piece * group_ + head) * partial_size();
  }
  const void* q() const { return q_; }
  int64_t q_stride() const { return q_stride_; }
  void* out() const { return out_; }

 private:
  int64_t partial_size() const { return 2 + head_dim_; }

  Element element_;
  int64_t kv_heads_;
  int64_t group_;
  int64_t head_dim_;
  std::vector<CachedRows> sequences_;
  const void* q_;
  int64_t q_stride_;
  void* out_;
  std::vector<Piece> pieces_;
  std::vector<int64_t> first_piece_;
  float* workspace_ = nullptr;
};

}  // namespace meap
