// Dot products of a few rows with a few vectors, each row read once: what decoding is made of.
// Included once for each instruction set, as simd-inl.h.
#include <hwy/cache_control.h>

#include "nn/block_gemm-inl.h"

// NOLINTNEXTLINE: the toggle stands for an include guard that opens again for each target.
#if defined(MEAP_NN_DOT_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MEAP_NN_DOT_TILE_INL_H_
#undef MEAP_NN_DOT_TILE_INL_H_
#else
#define MEAP_NN_DOT_TILE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace meap {
namespace HWY_NAMESPACE {

/// Rows of one tile.
inline constexpr int kDotRows = 4;
/// Vectors of one tile: accumulators, rows and one vector fit the registers.
inline constexpr int kDotVectors = HWY_MAX_BYTES == 64 ? 6 : 2;

/// Everything is multiplied as f32; rows may be stored as bf16, vectors are widened beforehand.
template <class T>
struct WideDots {
  using Row = T;
  using Vector = float;
  static constexpr int64_t kStep = Lanes();
  static HWY_INLINE Floats LoadRow(const T* p) { return Load(p); }
  static HWY_INLINE Floats LoadVector(const float* p) { return Load(p); }
  static HWY_INLINE Floats MulAdd(Floats a, Floats b, Floats sum) { return hn::MulAdd(a, b, sum); }
};

#if HWY_TARGET == HWY_AVX3
/// Pairs of bf16, multiplied and summed by one instruction; see Bf16Units.
struct PairDots {
  using Row = Bf16;
  using Vector = Bf16;
  static constexpr int64_t kStep = 2 * Lanes();
  static HWY_INLINE Floats LoadRow(const Bf16* p) {
    return Load(reinterpret_cast<const float*>(p));
  }
  static HWY_INLINE Floats LoadVector(const Bf16* p) { return LoadRow(p); }
  static HWY_INLINE Floats MulAdd(Floats a, Floats b, Floats sum) {
    return Bf16Units::MulAdd(a, b, sum);
  }
};
#endif

/// The first `count` elements, fewer than a step, with zeros behind them.
template <class T>
struct LastStep {
  T part[HWY_MAX_BYTES / 2] = {};
  LastStep(const T* p, int64_t count) { std::memcpy(part, p, count * sizeof(T)); }
};

/// The sums over the lanes of four vectors.
HWY_INLINE void SumFour(Floats a, Floats b, Floats c, Floats d, float* sums) {
#if HWY_MAX_BYTES >= 32
  const FloatTag f;
  const hn::Repartition<double, FloatTag> pairs;
  const auto ab =
      hn::BitCast(pairs, hn::Add(hn::InterleaveLower(f, a, b), hn::InterleaveUpper(f, a, b)));
  const auto cd =
      hn::BitCast(pairs, hn::Add(hn::InterleaveLower(f, c, d), hn::InterleaveUpper(f, c, d)));
  // Each block of four lanes now becomes a, b, c, d.
  const Floats blocks = hn::Add(hn::BitCast(f, hn::InterleaveLower(pairs, ab, cd)),
                                hn::BitCast(f, hn::InterleaveUpper(pairs, ab, cd)));
  const hn::Half<FloatTag> half;
  const auto two = hn::Add(hn::LowerHalf(half, blocks), hn::UpperHalf(half, blocks));
#if HWY_MAX_BYTES == 64
  const hn::Half<decltype(half)> quarter;
  hn::StoreU(hn::Add(hn::LowerHalf(quarter, two), hn::UpperHalf(quarter, two)), quarter, sums);
#else
  hn::StoreU(two, half, sums);
#endif
#else
  sums[0] = Sum(a);
  sums[1] = Sum(b);
  sums[2] = Sum(c);
  sums[3] = Sum(d);
#endif
}

/// The operands of a tile.
template <class Dots>
struct DotOperands {
  const typename Dots::Row* rows[kDotRows];
  const typename Dots::Vector* vectors;
  int64_t vector_step;  // between vectors
  int64_t width;        // elements of rows and vectors
  float* sums;          // vector v's products with the rows, at sums + v * sums_step
  int64_t sums_step;
  // Rows whose later neighbours, `ahead` elements on, are fetched from memory meanwhile.
  int fetch_begin = 0;
  int fetch_end = 0;
  int64_t ahead = 0;
};

/// sum[v][r] += row[r] times vector v, over the lanes of one step.
template <class Dots, int kVectors, int kRows>
HWY_INLINE void AddStep(const Floats (&row)[kRows], const typename Dots::Vector* vectors,
                        int64_t vector_step, Floats (&sum)[kVectors][kRows]) {
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const Floats vector = Dots::LoadVector(vectors + v * vector_step);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) sum[v][r] = Dots::MulAdd(row[r], vector, sum[v][r]);
  }
}

/// The same for the `count` elements that are left, fewer than a step.
template <class Dots, int kVectors, int kRows>
HWY_INLINE void AddLastStep(const Floats (&row)[kRows], const typename Dots::Vector* vectors,
                            int64_t vector_step, int64_t count, Floats (&sum)[kVectors][kRows]) {
  typename Dots::Vector last[kVectors][Dots::kStep] = {};
  for (int v = 0; v < kVectors; ++v) {
    std::memcpy(last[v], vectors + v * vector_step, count * sizeof(last[0][0]));
  }
  AddStep<Dots>(row, last[0], Dots::kStep, sum);
}

/// kDotRows rows times kVectors vectors. Each sum runs in one order, whatever kVectors is.
template <class Dots, int kVectors>
HWY_INLINE void DotTile(const DotOperands<Dots>& in) {
  Floats sum[kVectors][kDotRows];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) {
#pragma GCC unroll 4
    for (int r = 0; r < kDotRows; ++r) sum[v][r] = Zero();
  }
  Floats row[kDotRows];
  int64_t i = 0;
  for (; i + Dots::kStep <= in.width; i += Dots::kStep) {
#pragma GCC unroll 4
    for (int r = 0; r < kDotRows; ++r) row[r] = Dots::LoadRow(in.rows[r] + i);
    for (int r = in.fetch_begin; r < in.fetch_end; ++r) hwy::Prefetch(in.rows[r] + i + in.ahead);
    AddStep<Dots>(row, in.vectors + i, in.vector_step, sum);
  }
  if (i < in.width) {
    const int64_t left = in.width - i;
#pragma GCC unroll 4
    for (int r = 0; r < kDotRows; ++r) {
      row[r] = Dots::LoadRow(LastStep<typename Dots::Row>(in.rows[r] + i, left).part);
    }
    AddLastStep<Dots>(row, in.vectors + i, in.vector_step, left, sum);
  }
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) {
    SumFour(sum[v][0], sum[v][1], sum[v][2], sum[v][3], in.sums + v * in.sums_step);
  }
}

/// DotTile for a number of vectors known at run time, at most kDotVectors.
template <class Dots>
HWY_INLINE void SomeDots(int64_t vectors, const DotOperands<Dots>& in) {
  if (vectors == 1) return DotTile<Dots, 1>(in);
  if (vectors == 2) return DotTile<Dots, 2>(in);
  if constexpr (kDotVectors > 2) {
    if (vectors == 3) return DotTile<Dots, 3>(in);
    if (vectors == 4) return DotTile<Dots, 4>(in);
    if (vectors == 5) return DotTile<Dots, 5>(in);
    DotTile<Dots, 6>(in);
  }
}

/// Vectors of one tile when there are `count`: tiles of nearly one size, 8 as 4 + 4, not 6 + 2.
HWY_INLINE int64_t DotVectors(int64_t count) {
  const int64_t tiles = (count + kDotVectors - 1) / kDotVectors;
  return (count + tiles - 1) / tiles;
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace meap
HWY_AFTER_NAMESPACE();

#endif
