#include "nn/skinny_linear_kernel.h"

#include "nn/cpu.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/skinny_linear_kernel.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include <hwy/foreach_target.h>

#include "nn/packed_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace meap {
namespace HWY_NAMESPACE {
namespace {

HWY_INLINE float Widen(float x) { return x; }
HWY_INLINE float Widen(Bf16 x) {
  const uint32_t bits = static_cast<uint32_t>(x) << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof(wide));
  return wide;
}
HWY_INLINE void Narrow(float x, float* to) { *to = x; }
HWY_INLINE void Narrow(float x, Bf16* to) {  // rounds as RoundedBits does
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  *to = static_cast<Bf16>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

/// Results of one token in `live` rows from `row` on.
template <class T, class Out>
HWY_INLINE void Write(const SkinnyProduct& work, int64_t token, int64_t row, int64_t live,
                      const float* sums) {
  const T* bias = static_cast<const T*>(work.bias);
  Out* out = static_cast<Out*>(work.out) + token * work.rows + row;
  if (live == kDotRows && bias == nullptr) {
    for (int r = 0; r < kDotRows; ++r) Narrow(sums[r], out + r);
    return;
  }
  for (int64_t r = 0; r < live; ++r) {
    Narrow(bias == nullptr ? sums[r] : sums[r] + Widen(bias[row + r]), out + r);
  }
}

/// The results of `count` tokens from `token` on, in `live` rows.
template <class T>
HWY_INLINE void WriteTile(const SkinnyProduct& work, int64_t token, int64_t count, int64_t row,
                          int64_t live, const float* sums) {
  for (int64_t t = 0; t < count; ++t) {
    if (work.out_f32) {
      Write<T, float>(work, token + t, row, live, sums + t * kDotRows);
    } else {
      Write<T, T>(work, token + t, row, live, sums + t * kDotRows);
    }
  }
}

/// Memory is read so far ahead, over all vectors of a tile alike: it must never wait for
/// arithmetic.
constexpr int64_t kTilesAhead = 2;

template <class Dots>
void Rows(const SkinnyProduct& work, const typename Dots::Vector* x, int64_t begin, int64_t end) {
  using T = typename Dots::Row;
  const int64_t step = DotVectors(work.tokens);
  float sums[kDotVectors * kDotRows];
  DotOperands<Dots> in;
  in.vector_step = work.width;
  in.width = work.width;
  in.sums = sums;
  in.sums_step = kDotRows;
  in.ahead = kTilesAhead * kDotRows * work.width;
  for (int64_t row = begin; row < end; row += kDotRows) {
    const int64_t live = std::min<int64_t>(kDotRows, end - row);
    for (int64_t r = 0; r < kDotRows; ++r) {
      in.rows[r] = static_cast<const T*>(work.weight) + (row + std::min(r, live - 1)) * work.width;
    }
    for (int64_t token = 0; token < work.tokens; token += step) {
      const int64_t count = std::min(step, work.tokens - token);
      in.vectors = x + token * work.width;
      in.fetch_begin = static_cast<int>(kDotRows * token / work.tokens);
      in.fetch_end = static_cast<int>(kDotRows * (token + count) / work.tokens);
      SomeDots<Dots>(count, in);
      WriteTile<T>(work, token, count, row, live, sums);
    }
  }
}

#if HWY_TARGET == HWY_AVX3
void PackedRows(const SkinnyProduct& work, int64_t begin, int64_t end) {
  const Bf16* x = static_cast<const Bf16*>(work.x);
  const int64_t step = PackedVectors(work.tokens);
  float sums[kPackedVectors * kDotRows];
  for (int64_t row = begin; row < end; row += kDotRows) {
    const int64_t live = std::min<int64_t>(kDotRows, end - row);
    for (int64_t token = 0; token < work.tokens; token += step) {
      const int64_t count = std::min(step, work.tokens - token);
      PackedDots(count, work, row, x + token * work.width, sums);
      WriteTile<Bf16>(work, token, count, row, live, sums);
    }
  }
}
#endif

}  // namespace

/// Whether bf16 inputs are multiplied as they are.
bool MultipliesPairs() {
#if HWY_TARGET == HWY_AVX3
  return GetCpuLevel() >= CpuLevel::kAvx512Bf16;
#else
  return false;
#endif
}

void SkinnyRows(const SkinnyProduct& work, int64_t begin, int64_t end) {
  if (work.element == Element::kF32) {
    return Rows<WideDots<float>>(work, static_cast<const float*>(work.x), begin, end);
  }
#if HWY_TARGET == HWY_AVX3
  if (MultipliesPairs()) {
    if (work.packed.data != nullptr) return PackedRows(work, begin, end);
    return Rows<PairDots>(work, static_cast<const Bf16*>(work.x), begin, end);
  }
#endif
  Rows<WideDots<Bf16>>(work, work.widened, begin, end);
}

void WidenInputs(const SkinnyProduct& work) {
  const int64_t count = work.tokens * work.width;
  const Bf16* x = static_cast<const Bf16*>(work.x);
  for (int64_t i = 0; i < count; i += Lanes()) {
    StoreSome(LoadSome(x + i, count - i), work.widened + i, count - i);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace meap
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace meap {

HWY_EXPORT(MultipliesPairs);
HWY_EXPORT(SkinnyRows);
HWY_EXPORT(WidenInputs);

int64_t SkinnyProduct::WorkspaceSize() const {
  const bool widens = element == Element::kBf16 && !HWY_DYNAMIC_DISPATCH(MultipliesPairs)();
  return widens ? tokens * width : 0;
}

void SkinnyProduct::Prepare() const {
  if (WorkspaceSize() > 0) HWY_DYNAMIC_DISPATCH(WidenInputs)(*this);
}

void SkinnyProduct::Run(int64_t begin, int64_t end) const {
  HWY_DYNAMIC_DISPATCH(SkinnyRows)(*this, begin, end);
}

std::span<const std::byte> SkinnyProduct::Stored(int64_t begin, int64_t end) const {
  const bool is_packed = packed.data != nullptr;
  const int64_t unit = is_packed ? PackedTiles::kRows : 1;
  const int64_t bytes = is_packed ? PackedTiles::Steps(width) * PackedTiles::kStepBytes
                                  : width * (element == Element::kF32 ? 4 : 2);
  const void* const data = is_packed ? packed.data : weight;
  const int64_t first = begin / unit;
  return {static_cast<const std::byte*>(data) + first * bytes,
          static_cast<size_t>(((end + unit - 1) / unit - first) * bytes)};
}

}  // namespace meap
#endif
