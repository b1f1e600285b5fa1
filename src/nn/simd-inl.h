// Vector building blocks of the kernels. Included once for each instruction set by Highway's
// foreach_target; all arithmetic is in f32, bf16 is only how numbers stand in memory.
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

// NOLINTNEXTLINE: the toggle stands for an include guard that opens again for each target.
#if defined(MEAP_NN_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MEAP_NN_SIMD_INL_H_
#undef MEAP_NN_SIMD_INL_H_
#else
#define MEAP_NN_SIMD_INL_H_
#endif

#include "nn/element.h"

HWY_BEFORE_NAMESPACE();
namespace meap {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using IntTag = hn::RebindToSigned<FloatTag>;
using WordTag = hn::RebindToUnsigned<FloatTag>;
using HalfWordTag = hn::Rebind<uint16_t, FloatTag>;
using Floats = hn::Vec<FloatTag>;

HWY_INLINE constexpr int64_t Lanes() { return static_cast<int64_t>(HWY_MAX_BYTES / 4); }

HWY_INLINE Floats Zero() { return hn::Zero(FloatTag()); }
HWY_INLINE Floats Set(float x) { return hn::Set(FloatTag(), x); }

HWY_INLINE Floats Load(const float* p) { return hn::LoadU(FloatTag(), p); }
HWY_INLINE Floats Load(const Bf16* p) {
  const auto bits = hn::LoadU(HalfWordTag(), reinterpret_cast<const uint16_t*>(p));
  return hn::BitCast(FloatTag(), hn::ShiftLeft<16>(hn::PromoteTo(WordTag(), bits)));
}

/// The bits of x rounded to bf16 (to nearest, ties to even) in the upper half of each word.
HWY_INLINE hn::Vec<WordTag> RoundedBits(Floats x) {
  const WordTag words;
  const auto bits = hn::BitCast(words, x);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(words, 1u));
  return hn::Add(bits, hn::Add(odd, hn::Set(words, 0x7FFFu)));
}

HWY_INLINE void Store(Floats x, float* p) { hn::StoreU(x, FloatTag(), p); }
HWY_INLINE void Store(Floats x, Bf16* p) {
  const auto bits = hn::BitCast(IntTag(), hn::ShiftRight<16>(RoundedBits(x)));
  hn::StoreU(hn::DemoteTo(HalfWordTag(), bits), HalfWordTag(), reinterpret_cast<uint16_t*>(p));
}

/// The first `count` elements, zeros behind them: no byte beyond them is read.
HWY_INLINE Floats LoadPart(const float* p, int64_t count) {
  return hn::MaskedLoad(hn::FirstN(FloatTag(), static_cast<size_t>(count)), FloatTag(), p);
}
HWY_INLINE Floats LoadPart(const Bf16* p, int64_t count) {
#if HWY_TARGET == HWY_AVX3
  const HalfWordTag half_words;
  const auto bits = hn::MaskedLoad(hn::FirstN(half_words, static_cast<size_t>(count)), half_words,
                                   reinterpret_cast<const uint16_t*>(p));
  return hn::BitCast(FloatTag(), hn::ShiftLeft<16>(hn::PromoteTo(WordTag(), bits)));
#else  // without masks for 16 bits
  Bf16 part[HWY_MAX_BYTES / 4] = {};
  std::memcpy(part, p, count * sizeof(Bf16));
  return Load(part);
#endif
}

/// Stores the first `count` elements and touches nothing behind them.
HWY_INLINE void StorePart(Floats x, float* p, int64_t count) {
  hn::BlendedStore(x, hn::FirstN(FloatTag(), static_cast<size_t>(count)), FloatTag(), p);
}
HWY_INLINE void StorePart(Floats x, Bf16* p, int64_t count) {
#if HWY_TARGET == HWY_AVX3
  const HalfWordTag half_words;
  const auto bits = hn::BitCast(IntTag(), hn::ShiftRight<16>(RoundedBits(x)));
  hn::BlendedStore(hn::DemoteTo(half_words, bits),
                   hn::FirstN(half_words, static_cast<size_t>(count)), half_words,
                   reinterpret_cast<uint16_t*>(p));
#else
  Bf16 part[HWY_MAX_BYTES / 4];
  Store(x, part);
  std::memcpy(p, part, count * sizeof(Bf16));
#endif
}

/// Whole vectors, or what is left of a row: `left` elements from p on.
template <class T>
HWY_INLINE Floats LoadSome(const T* p, int64_t left) {
  return left >= Lanes() ? Load(p) : LoadPart(p, left);
}
template <class T>
HWY_INLINE void StoreSome(Floats x, T* p, int64_t left) {
  if (left >= Lanes()) {
    Store(x, p);
  } else {
    StorePart(x, p, left);
  }
}

HWY_INLINE float Sum(Floats x) { return hn::GetLane(hn::SumOfLanes(FloatTag(), x)); }
HWY_INLINE float Max(Floats x) { return hn::GetLane(hn::MaxOfLanes(FloatTag(), x)); }

/// e^x within 2 units in the last place; 0 below -87, where f32 ends. Not a number stays so: the
/// order of Min's and Max's operands lets it through.
HWY_INLINE Floats Exp(Floats x) {
  const Floats clamped = hn::Min(Set(88.0f), hn::Max(Set(-87.0f), x));
  const Floats n = hn::Round(hn::Mul(clamped, Set(1.44269504088896341f)));
  // ln 2 in two parts, so that the remainder is exact.
  Floats r = hn::NegMulAdd(n, Set(0.693359375f), clamped);
  r = hn::NegMulAdd(n, Set(-2.12194440e-4f), r);
  // Minimax polynomial of (e^r - 1 - r) / r^2 on [-ln2/2, ln2/2].
  Floats p = hn::MulAdd(Set(1.9875691500e-4f), r, Set(1.3981999507e-3f));
  p = hn::MulAdd(p, r, Set(8.3334519073e-3f));
  p = hn::MulAdd(p, r, Set(4.1665795894e-2f));
  p = hn::MulAdd(p, r, Set(1.6666665459e-1f));
  p = hn::MulAdd(p, r, Set(5.0000001201e-1f));
  p = hn::Add(hn::MulAdd(p, hn::Mul(r, r), r), Set(1.0f));
  const IntTag ints;
  const auto power = hn::ShiftLeft<23>(hn::ConvertTo(ints, n));
  const Floats result = hn::BitCast(FloatTag(), hn::Add(hn::BitCast(ints, p), power));
  return hn::IfThenZeroElse(hn::Lt(x, Set(-87.0f)), result);
}

/// 1 / (1 + e^-x)
HWY_INLINE Floats Sigmoid(Floats x) {
  return hn::Div(Set(1.0f), hn::Add(Set(1.0f), Exp(hn::Neg(x))));
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace meap
HWY_AFTER_NAMESPACE();

#endif
