// Products of small blocks that stay in the caches, for attention. C += A B over "units": a unit is
// one f32, or, with AVX-512-bf16, two bf16 neighbours along the summed dimension in 32 bits.
#include "nn/simd-inl.h"

// NOLINTNEXTLINE: the toggle stands for an include guard that opens again for each target.
#if defined(MEAP_NN_BLOCK_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MEAP_NN_BLOCK_GEMM_INL_H_
#undef MEAP_NN_BLOCK_GEMM_INL_H_
#else
#define MEAP_NN_BLOCK_GEMM_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace meap {
namespace HWY_NAMESPACE {

/// Rows and vectors of C that one micro-kernel makes: as many sums as the registers hold, since the
/// more there are, the fewer loads each product needs. Blocks are padded to a multiple of the rows.
inline constexpr int64_t kTileRows = HWY_MAX_BYTES == 64 ? 8 : 4;
inline constexpr int64_t kTileVectors = 3;

/// Units are f32 numbers.
struct F32Units {
  static constexpr int64_t kPack = 1;
  static HWY_INLINE Floats MulAdd(Floats a, Floats b, Floats sum) { return hn::MulAdd(a, b, sum); }
};

#if HWY_TARGET == HWY_AVX3
/// Units are pairs of bf16. Highway 1.0.3 knows no such target, and an intrinsic would not inline
/// into functions built for plain AVX-512, so the one instruction stands here by name. Used only
/// where GetCpuLevel() says that the CPU has it.
struct Bf16Units {
  static constexpr int64_t kPack = 2;
  static HWY_INLINE Floats MulAdd(Floats a, Floats b, Floats sum) {
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
    return sum;
  }
};
#endif

/// Where a left factor's unit (row, unit) stands: data[row * row_step + unit * unit_step].
struct Left {
  const float* data;
  int64_t row_step;
  int64_t unit_step;
};

/// A right factor or a result, row-major: data[row * step + column].
struct Right {
  const float* data;
  int64_t step;
};
struct Result {
  float* data;
  int64_t step;
};

/// kTileRows rows of kVecs vectors of C.
template <class Units, int kVecs>
HWY_INLINE void Tile(Left a, Right b, int64_t units, Result c, bool add) {
  constexpr int kRows = static_cast<int>(kTileRows);
  Floats sum[kRows][kVecs];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < kVecs; ++j) {
      sum[i][j] = add ? Load(c.data + i * c.step + j * Lanes()) : Zero();
    }
  }
  for (int64_t u = 0; u < units; ++u) {
    Floats right[kVecs];
#pragma GCC unroll 8
    for (int j = 0; j < kVecs; ++j) right[j] = Load(b.data + u * b.step + j * Lanes());
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const Floats left = Set(a.data[i * a.row_step + u * a.unit_step]);
#pragma GCC unroll 8
      for (int j = 0; j < kVecs; ++j) sum[i][j] = Units::MulAdd(left, right[j], sum[i][j]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < kVecs; ++j) Store(sum[i][j], c.data + i * c.step + j * Lanes());
  }
}

/// kTileRows rows of C, at least `columns` of them: rounded up to whole vectors, so that the rows
/// of B and C must be padded. Sums over units [0, units); C starts from zero unless `add`.
template <class Units>
void RowsGemm(Left a, Right b, int64_t units, Result c, int64_t columns, bool add) {
  int64_t vectors = (columns + Lanes() - 1) / Lanes();
  while (vectors > 0) {
    // Four are two and two: a tile of a single vector is the slowest.
    const int64_t done = vectors == kTileVectors + 1 ? 2 : std::min(vectors, kTileVectors);
    if (done == 3) {
      Tile<Units, 3>(a, b, units, c, add);
    } else if (done == 2) {
      Tile<Units, 2>(a, b, units, c, add);
    } else {
      Tile<Units, 1>(a, b, units, c, add);
    }
    b.data += done * Lanes();
    c.data += done * Lanes();
    vectors -= done;
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace meap
HWY_AFTER_NAMESPACE();

#endif
