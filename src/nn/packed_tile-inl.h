// Dot products with the rows of a packed weight (packed_weight.h), unpacked in registers. Included
// once for each instruction set, as simd-inl.h; there is something in it for AVX-512 only.
#include "nn/dot_tile-inl.h"
#include "nn/skinny_linear_kernel.h"

// NOLINTNEXTLINE: the toggle stands for an include guard that opens again for each target.
#if defined(MEAP_NN_PACKED_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MEAP_NN_PACKED_TILE_INL_H_
#undef MEAP_NN_PACKED_TILE_INL_H_
#else
#define MEAP_NN_PACKED_TILE_INL_H_
#endif

#if HWY_TARGET == HWY_AVX3
HWY_BEFORE_NAMESPACE();
namespace meap {
namespace HWY_NAMESPACE {

static_assert(PackedTiles::kRows == kDotRows);

/// The exponents that a row's 4-bit codes stand for, twice: the lookup goes by 5 bits.
HWY_INLINE __m512i ExponentTable(uint16_t largest) {
  alignas(64) static constexpr uint16_t kDistance[32] = {
      0,      1 << 7, 2 << 7,  3 << 7,  4 << 7,  5 << 7,  6 << 7,  7 << 7,
      8 << 7, 9 << 7, 10 << 7, 11 << 7, 12 << 7, 13 << 7, 14 << 7, 0,
      0,      1 << 7, 2 << 7,  3 << 7,  4 << 7,  5 << 7,  6 << 7,  7 << 7,
      8 << 7, 9 << 7, 10 << 7, 11 << 7, 12 << 7, 13 << 7, 14 << 7, 0};
  constexpr __mmask32 kNotZero = 0x7FFF7FFF;
  return _mm512_maskz_sub_epi16(kNotZero, _mm512_set1_epi16(static_cast<int16_t>(largest)),
                                _mm512_load_si512(kDistance));
}

/// How far codes are shifted in their words: those of numbers 8 l to 8 l + 7 stand in bits 4 l of
/// the same eight words.
HWY_INLINE __m512i CodeShifts() {
  return _mm512_setr_epi32(0, 0, 0, 0, 0x40004, 0x40004, 0x40004, 0x40004, 0x80008, 0x80008,
                           0x80008, 0x80008, 0xC000C, 0xC000C, 0xC000C, 0xC000C);
}

/// The bf16 numbers of one row in a step.
HWY_INLINE Floats UnpackRow(const uint8_t* bytes, const uint8_t* codes, __m512i table) {
  const __m512i words =
      _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes)));
  const __m512i exponents = _mm512_permutexvar_epi16(_mm512_srlv_epi16(words, CodeShifts()), table);
  // The sign is spread over the upper byte and the exponent's bits are then taken from the table.
  const __m512i rest =
      _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes)));
  const __m512i kExponent = _mm512_set1_epi16(0x7F80);
  constexpr int kSelect = 0xCA;  // the first operand's bits choose between the others
  return Floats{
      _mm512_castsi512_ps(_mm512_ternarylogic_epi32(kExponent, exponents, rest, kSelect))};
}

/// Memory is read so far ahead, in the one stream that all tiles are: it must never wait for
/// arithmetic.
inline constexpr int64_t kBytesAhead = 4096;
inline constexpr int64_t kCacheLine = 64;

/// Reads kRows rows of one tile, `skip` behind its first, step by step.
template <int kRows>
class PackedReader {
 public:
  HWY_INLINE PackedReader(const SkinnyProduct& product, int64_t tile_row, int64_t skip)
      : work_(product), first_(tile_row + skip) {
    const int64_t tile = tile_row / kDotRows;
    const uint8_t* data =
        product.packed.data + tile * PackedTiles::Steps(product.width) * PackedTiles::kStepBytes;
    bytes_ = data + skip * PackedTiles::kColumns;
    fetches_ = skip == 0;
    codes_ = data + (kDotRows * 2 + skip) * PackedTiles::kColumns / 2;
    wide_ = product.packed.wide + product.packed.first_wide[tile];
    wide_end_ = product.packed.wide + product.packed.first_wide[tile + 1];
    for (int r = 0; r < kRows; ++r) table_[r] = ExponentTable(product.packed.largest[first_ + r]);
  }

  /// The rows' numbers from `column` on: the next step.
  HWY_INLINE void Next(int64_t column, Floats* row) {
    if (HWY_UNLIKELY(wide_ != wide_end_ && *wide_ * PackedTiles::kColumns == column)) {
      ++wide_;
      ReadWide(column, row);
    } else {
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        row[r] = UnpackRow(bytes_ + r * PackedTiles::kColumns,
                           codes_ + r * PackedTiles::kColumns / 2, table_[r]);
      }
    }
    if (fetches_) {
      for (int64_t line = 0; line < PackedTiles::kStepBytes; line += kCacheLine) {
        hwy::Prefetch(bytes_ + kBytesAhead + line);
      }
    }
    bytes_ += PackedTiles::kStepBytes;
    codes_ += PackedTiles::kStepBytes;
  }

 private:
  HWY_NOINLINE void ReadWide(int64_t column, Floats* row) const {
    for (int r = 0; r < kRows; ++r) {
      const int64_t there = std::min(first_ + r, work_.rows - 1);
      const Bf16* p = static_cast<const Bf16*>(work_.weight) + there * work_.width + column;
      const int64_t left = work_.width - column;
      row[r] = left >= PackedTiles::kColumns ? PairDots::LoadRow(p)
                                             : PairDots::LoadRow(LastStep<Bf16>(p, left).part);
    }
  }

  const SkinnyProduct& work_;
  int64_t first_;
  bool fetches_;  // once a tile
  const uint8_t* bytes_;
  const uint8_t* codes_;
  const int32_t* wide_;
  const int32_t* wide_end_;
  __m512i table_[kRows];
};

/// kRows rows, `skip` behind the tile's first, times kVectors vectors: DotTile's sums, in the same
/// order. Vector v's products stand at sums + v * kDotRows.
template <int kRows, int kVectors>
HWY_INLINE void PackedTile(const SkinnyProduct& work, int64_t tile_row, int64_t skip, const Bf16* x,
                           float* sums) {
  PackedReader<kRows> reader(work, tile_row, skip);
  Floats sum[kVectors][kRows];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) sum[v][r] = Zero();
  }
  Floats rows[kRows];
  int64_t i = 0;
  for (; i + PackedTiles::kColumns <= work.width; i += PackedTiles::kColumns) {
    reader.Next(i, rows);
    AddStep<PairDots>(rows, x + i, work.width, sum);
  }
  if (i < work.width) {
    reader.Next(i, rows);
    AddLastStep<PairDots>(rows, x + i, work.width, work.width - i, sum);
  }
  float* const out = sums + skip;
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    if constexpr (kRows == kDotRows) {
      SumFour(sum[v][0], sum[v][1], sum[v][2], sum[v][3], out + v * kDotRows);
    } else if (v % 2 == 0) {  // two vectors at a time
      const int next = v + 1 < kVectors ? v + 1 : v;
      alignas(16) float four[4];
      SumFour(sum[v][0], sum[v][1], sum[next][0], sum[next][1], four);
      std::memcpy(out + v * kDotRows, four, 2 * sizeof(float));
      std::memcpy(out + next * kDotRows, four + 2 * (next - v), 2 * sizeof(float));
    }
  }
}

/// Vectors that one pass over a tile takes: of four rows with up to kDotVectors, of two with more,
/// so that the sums fit the registers and a row is unpacked once.
inline constexpr int64_t kPackedVectors = 12;

HWY_INLINE int64_t PackedVectors(int64_t count) {
  const int64_t passes = (count + kPackedVectors - 1) / kPackedVectors;
  return (count + passes - 1) / passes;
}

/// Both halves of a tile.
template <int kVectors>
HWY_INLINE void PackedHalves(const SkinnyProduct& work, int64_t row, const Bf16* x, float* sums) {
  PackedTile<2, kVectors>(work, row, 0, x, sums);
  PackedTile<2, kVectors>(work, row, 2, x, sums);
}

/// The tile from `row` on times at most kPackedVectors vectors.
HWY_INLINE void PackedDots(int64_t vectors, const SkinnyProduct& work, int64_t row, const Bf16* x,
                           float* sums) {
  switch (vectors) {
    case 1:
      return PackedTile<4, 1>(work, row, 0, x, sums);
    case 2:
      return PackedTile<4, 2>(work, row, 0, x, sums);
    case 3:
      return PackedTile<4, 3>(work, row, 0, x, sums);
    case 4:
      return PackedTile<4, 4>(work, row, 0, x, sums);
    case 5:
      return PackedTile<4, 5>(work, row, 0, x, sums);
    case 6:
      return PackedTile<4, 6>(work, row, 0, x, sums);
    case 7:
      return PackedHalves<7>(work, row, x, sums);
    case 8:
      return PackedHalves<8>(work, row, x, sums);
    case 9:
      return PackedHalves<9>(work, row, x, sums);
    case 10:
      return PackedHalves<10>(work, row, x, sums);
    case 11:
      return PackedHalves<11>(work, row, x, sums);
    default:
      return PackedHalves<12>(work, row, x, sums);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace meap
HWY_AFTER_NAMESPACE();
#endif

#endif
