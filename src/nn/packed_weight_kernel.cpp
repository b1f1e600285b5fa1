#include "nn/packed_weight_kernel.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/packed_weight_kernel.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include <hwy/foreach_target.h>

#include "nn/packed_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace meap {
namespace HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX3
constexpr int64_t kRows = PackedTiles::kRows;
constexpr int64_t kColumns = PackedTiles::kColumns;

/// Codes below it are distances from the row's largest exponent; it is exponent 0: zeros, and
/// numbers below all normal ones.
constexpr int16_t kZeroCode = 15;

/// kColumns numbers from p on, or what is left of the row with zeros behind it.
HWY_INLINE __m512i LoadNumbers(const Bf16* p, int64_t left) {
  const __mmask32 mask = left >= kColumns ? ~__mmask32{0} : (__mmask32{1} << left) - 1;
  return _mm512_maskz_loadu_epi16(mask, p);
}

HWY_INLINE __m512i Exponents(__m512i numbers) {
  return _mm512_and_si512(_mm512_srli_epi16(numbers, 7), _mm512_set1_epi16(0xFF));
}

/// As it stands in bf16.
uint16_t LargestExponent(const Bf16* row, int64_t width) {
  __m512i largest = _mm512_setzero_si512();
  for (int64_t i = 0; i < width; i += kColumns) {
    largest = _mm512_max_epu16(largest, Exponents(LoadNumbers(row + i, width - i)));
  }
  alignas(64) uint16_t lanes[kColumns];
  _mm512_store_si512(lanes, largest);
  return static_cast<uint16_t>(*std::max_element(lanes, lanes + kColumns) << 7);
}

/// One row of a step; false where some number is too small.
HWY_INLINE bool PackRow(__m512i numbers, uint16_t largest, uint8_t* bytes, uint8_t* codes) {
  const __m512i sign = _mm512_and_si512(_mm512_srli_epi16(numbers, 8), _mm512_set1_epi16(0x80));
  const __m512i rest = _mm512_and_si512(numbers, _mm512_set1_epi16(0x7F));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes),
                      _mm512_cvtepi16_epi8(_mm512_or_si512(sign, rest)));
  const __m512i exponents = Exponents(numbers);
  const __mmask32 normal = _mm512_test_epi16_mask(exponents, exponents);
  const __m512i distance =
      _mm512_sub_epi16(_mm512_set1_epi16(static_cast<int16_t>(largest >> 7)), exponents);
  const __m512i zero_code = _mm512_set1_epi16(kZeroCode);
  const __m512i code = _mm512_mask_mov_epi16(zero_code, normal, distance);
  const __m512i shifted = _mm512_sllv_epi16(code, CodeShifts());
  const __m256i half =
      _mm256_or_si256(_mm512_castsi512_si256(shifted), _mm512_extracti64x4_epi64(shifted, 1));
  const __m128i words =
      _mm_or_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(codes), words);
  return _mm512_mask_cmpge_epu16_mask(normal, distance, zero_code) == 0;
}

void PackTile(const Packing& work, int64_t tile, std::vector<int32_t>& wide) {
  const int64_t first = tile * kRows;
  const int64_t live = std::min(kRows, work.rows - first);
  const Bf16* row[kRows];
  uint16_t* const largest = work.largest + first;
  for (int64_t r = 0; r < kRows; ++r) {
    row[r] = work.weight + (first + std::min(r, live - 1)) * work.width;
    largest[r] = r < live ? LargestExponent(row[r], work.width) : uint16_t{0};
  }
  const int64_t steps = PackedTiles::Steps(work.width);
  uint8_t* to = work.data + tile * steps * PackedTiles::kStepBytes;
  for (int64_t step = 0; step < steps; ++step, to += PackedTiles::kStepBytes) {
    const int64_t column = step * kColumns;
    bool fits = true;
    for (int64_t r = 0; r < kRows; ++r) {
      const __m512i numbers =
          r < live ? LoadNumbers(row[r] + column, work.width - column) : _mm512_setzero_si512();
      fits &=
          PackRow(numbers, largest[r], to + r * kColumns, to + kRows * kColumns + r * kColumns / 2);
    }
    if (!fits) wide.push_back(static_cast<int32_t>(step));
  }
}
#endif

}  // namespace

void PackOneTile([[maybe_unused]] const Packing& work, [[maybe_unused]] int64_t tile,
                 [[maybe_unused]] std::vector<int32_t>& wide) {
#if HWY_TARGET == HWY_AVX3
  PackTile(work, tile, wide);
#else
  HWY_ABORT("weights are packed for AVX-512 only");
#endif
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace meap
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace meap {

HWY_EXPORT(PackOneTile);

std::vector<int32_t> Packing::Tile(int64_t tile) const {
  std::vector<int32_t> wide;
  HWY_DYNAMIC_DISPATCH(PackOneTile)(*this, tile, wide);
  return wide;
}

}  // namespace meap
#endif
