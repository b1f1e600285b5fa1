#include "nn/cached_attention_kernel.h"

#include <cmath>
#include <limits>

#include "nn/cpu.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/cached_attention_kernel.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include <hwy/foreach_target.h>

#include "nn/dot_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace meap {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kChunk = DecodeAttention::kChunk;
constexpr int64_t kScoreStep = DecodeAttention::kScoreStep;
static_assert(kScoreStep >= kChunk + kDotRows - 1, "scores are written in whole tiles of keys");

/// The chunk that a piece looks at.
template <class T>
struct Chunk {
  const T* k;  // of its first key
  const T* v;
  int64_t keys;
  int64_t step;  // elements between keys, and between values
};

template <class T>
Chunk<T> ChunkOf(const DecodeAttention& work, const DecodeAttention::Piece& piece) {
  const CachedRows& rows = work.sequence(piece.sequence);
  const int64_t step = work.kv_heads() * work.head_dim();
  const int64_t begin = piece.key * step + piece.kv_head * work.head_dim();
  return {static_cast<const T*>(rows.k) + begin, static_cast<const T*>(rows.v) + begin,
          std::min(kChunk, rows.length - piece.key), step};
}

/// scores[head][key] = q k, for every head of the group.
template <class Dots>
void Scores(const Chunk<typename Dots::Row>& chunk, const typename Dots::Vector* q, int64_t group,
            int64_t d, float* scores) {
  const int64_t step = DotVectors(group);
  DotOperands<Dots> in;
  in.vector_step = d;
  in.width = d;
  in.sums_step = kScoreStep;
  for (int64_t key = 0; key < chunk.keys; key += kDotRows) {
    for (int64_t r = 0; r < kDotRows; ++r) {
      in.rows[r] = chunk.k + std::min(key + r, chunk.keys - 1) * chunk.step;
    }
    for (int64_t head = 0; head < group; head += step) {
      in.vectors = q + head * d;
      in.sums = scores + head * kScoreStep + key;
      SomeDots<Dots>(std::min(step, group - head), in);
    }
  }
}

/// Scores become weights relative to their maximum; returns it and their sum.
HWY_INLINE void Softmax(float* scores, int64_t keys, float scale, float& maximum, float& sum) {
  maximum = -std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < keys; ++i) maximum = std::max(maximum, scores[i]);
  maximum *= scale;
  sum = 0;
  Floats total = Zero();
  for (int64_t i = 0; i < keys; i += Lanes()) {
    const int64_t left = keys - i;
    Floats weight = Exp(hn::Sub(hn::Mul(LoadSome(scores + i, left), Set(scale)), Set(maximum)));
    if (left < Lanes()) {
      weight = hn::IfThenElseZero(hn::FirstN(FloatTag(), static_cast<size_t>(left)), weight);
    }
    total = hn::Add(total, weight);
    StoreSome(weight, scores + i, left);
  }
  sum = Sum(total);
}

/// kHeads heads' sums of weight times value, kVecs vectors of them from element `begin` on.
template <int kHeads, int kVecs, class T>
HWY_INLINE void WeightedValues(const Chunk<T>& chunk, const float* weights, int64_t begin,
                               int64_t count, float* sums, int64_t sums_step) {
  Floats sum[kHeads][kVecs];
#pragma GCC unroll 4
  for (int h = 0; h < kHeads; ++h) {
#pragma GCC unroll 4
    for (int j = 0; j < kVecs; ++j) sum[h][j] = Zero();
  }
  const T* v = chunk.v + begin;
  for (int64_t key = 0; key < chunk.keys; ++key, v += chunk.step) {
    Floats value[kVecs];
#pragma GCC unroll 4
    for (int j = 0; j < kVecs; ++j) value[j] = LoadSome(v + j * Lanes(), count - j * Lanes());
#pragma GCC unroll 4
    for (int h = 0; h < kHeads; ++h) {
      const Floats weight = Set(weights[h * kScoreStep + key]);
#pragma GCC unroll 4
      for (int j = 0; j < kVecs; ++j) sum[h][j] = hn::MulAdd(weight, value[j], sum[h][j]);
    }
  }
#pragma GCC unroll 4
  for (int h = 0; h < kHeads; ++h) {
#pragma GCC unroll 4
    for (int j = 0; j < kVecs; ++j) {
      StoreSome(sum[h][j], sums + h * sums_step + begin + j * Lanes(), count - j * Lanes());
    }
  }
}

/// All of d for kHeads heads.
template <int kHeads, class T>
void Values(const Chunk<T>& chunk, const float* weights, int64_t d, float* sums,
            int64_t sums_step) {
  constexpr int kVecs = HWY_MAX_BYTES == 64 ? 4 : 2;
  int64_t i = 0;
  for (; i + kVecs * Lanes() <= d; i += kVecs * Lanes()) {
    WeightedValues<kHeads, kVecs>(chunk, weights, i, kVecs * Lanes(), sums, sums_step);
  }
  for (; i < d; i += Lanes()) {
    WeightedValues<kHeads, 1>(chunk, weights, i, d - i, sums, sums_step);
  }
}

template <class Dots>
void Piece(const DecodeAttention& work, int64_t i, const typename Dots::Vector* q, float* scores) {
  using T = typename Dots::Row;
  const int64_t d = work.head_dim();
  const int64_t group = work.group();
  const Chunk<T> chunk = ChunkOf<T>(work, work.piece(i));
  Scores<Dots>(chunk, q, group, d, scores);
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  for (int64_t head = 0; head < group; ++head) {
    float* partial = work.partial(i, head);
    Softmax(scores + head * kScoreStep, chunk.keys, scale, partial[0], partial[1]);
  }
  const int64_t sums_step = work.partial(i, 1) - work.partial(i, 0);
  int64_t head = 0;
  for (; head + 3 <= group; head += 3) {
    Values<3>(chunk, scores + head * kScoreStep, d, work.partial(i, head) + 2, sums_step);
  }
  for (; head < group; ++head) {
    Values<1>(chunk, scores + head * kScoreStep, d, work.partial(i, head) + 2, sums_step);
  }
}

/// The group's queries as the products want them: in place, or widened into `room`.
template <class Dots>
const typename Dots::Vector* Queries(const DecodeAttention& work,
                                     const DecodeAttention::Piece& piece, float* room) {
  using T = typename Dots::Row;
  const int64_t count = work.group() * work.head_dim();
  const T* q =
      static_cast<const T*>(work.q()) + piece.sequence * work.q_stride() + piece.kv_head * count;
  if constexpr (std::is_same_v<T, typename Dots::Vector>) {
    return q;
  } else {
    for (int64_t i = 0; i < count; i += Lanes()) {
      StoreSome(LoadSome(q + i, count - i), room + i, count - i);
    }
    return room;
  }
}

template <class Dots>
void Pieces(const DecodeAttention& work, int64_t begin, int64_t end, float* scratch) {
  float* const scores = scratch + work.group() * work.head_dim();
  for (int64_t i = begin; i < end; ++i) {
    Piece<Dots>(work, i, Queries<Dots>(work, work.piece(i), scratch), scores);
  }
}

/// out = the chunks' sums, each scaled to the common maximum, over the common sum.
template <class T>
void MergeHead(const DecodeAttention& work, int64_t first, int64_t last, int64_t head, T* out) {
  float maximum = -std::numeric_limits<float>::infinity();
  for (int64_t i = first; i < last; ++i) maximum = std::max(maximum, work.partial(i, head)[0]);
  float sum = 0;
  for (int64_t i = first; i < last; ++i) {
    const float* partial = work.partial(i, head);
    sum += partial[1] * std::exp(partial[0] - maximum);
  }
  const int64_t d = work.head_dim();
  for (int64_t j = 0; j < d; j += Lanes()) {
    const int64_t left = d - j;
    Floats total = Zero();
    for (int64_t i = first; i < last; ++i) {
      const float* partial = work.partial(i, head);
      const Floats factor = Set(std::exp(partial[0] - maximum) / sum);
      total = hn::MulAdd(LoadSome(partial + 2 + j, left), factor, total);
    }
    StoreSome(total, out + j, left);
  }
}

template <class T>
void MergeAll(const DecodeAttention& work, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    T* out = static_cast<T*>(work.out()) + i * work.group() * work.head_dim();
    for (int64_t head = 0; head < work.group(); ++head) {
      MergeHead(work, work.first_piece(i), work.first_piece(i + 1), head,
                out + head * work.head_dim());
    }
  }
}

}  // namespace

void DecodePieces(const DecodeAttention& work, int64_t begin, int64_t end, float* scratch) {
  if (work.element() == Element::kF32) return Pieces<WideDots<float>>(work, begin, end, scratch);
#if HWY_TARGET == HWY_AVX3
  if (GetCpuLevel() >= CpuLevel::kAvx512Bf16) return Pieces<PairDots>(work, begin, end, scratch);
#endif
  Pieces<WideDots<Bf16>>(work, begin, end, scratch);
}

void DecodeMerges(const DecodeAttention& work, int64_t begin, int64_t end) {
  if (work.element() == Element::kF32) return MergeAll<float>(work, begin, end);
  MergeAll<Bf16>(work, begin, end);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace meap
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace meap {

HWY_EXPORT(DecodePieces);
HWY_EXPORT(DecodeMerges);

DecodeAttention::DecodeAttention(Element element, int64_t heads, int64_t kv_heads, int64_t head_dim,
                                 std::vector<CachedRows> sequences, const void* q, int64_t q_stride,
                                 void* out)
    : element_(element),
      kv_heads_(kv_heads),
      group_(heads / kv_heads),
      head_dim_(head_dim),
      sequences_(std::move(sequences)),
      q_(q),
      q_stride_(q_stride),
      out_(out) {
  for (size_t sequence = 0; sequence < sequences_.size(); ++sequence) {
    for (int64_t head = 0; head < kv_heads; ++head) {
      first_piece_.push_back(pieces());
      for (int64_t key = 0; key < sequences_[sequence].length; key += kChunk) {
        pieces_.push_back({static_cast<int64_t>(sequence), head, key});
      }
    }
  }
  first_piece_.push_back(pieces());
}

int64_t DecodeAttention::ScratchSize() const { return group_ * (head_dim_ + kScoreStep); }

void DecodeAttention::Attend(int64_t begin, int64_t end, float* scratch) const {
  HWY_DYNAMIC_DISPATCH(DecodePieces)(*this, begin, end, scratch);
}

void DecodeAttention::Merge(int64_t begin, int64_t end) const {
  HWY_DYNAMIC_DISPATCH(DecodeMerges)(*this, begin, end);
}

}  // namespace meap
#endif
