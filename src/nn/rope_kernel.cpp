#include "nn/rope_kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/rope_kernel.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include <hwy/foreach_target.h>

#include "nn/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace meap {
namespace HWY_NAMESPACE {
namespace {

/// One head: (a, b) -> (a cos - b sin, b cos + a sin), a and b its halves.
template <class T>
HWY_INLINE void RotateHead(const T* from, T* to, const float* cos, const float* sin, int64_t half,
                           Floats sign) {
  for (int64_t i = 0; i < half; i += Lanes()) {
    const int64_t left = half - i;
    const Floats c = LoadSome(cos + i, left);
    const Floats s = hn::Mul(LoadSome(sin + i, left), sign);
    const Floats a = LoadSome(from + i, left);
    const Floats b = LoadSome(from + half + i, left);
    StoreSome(hn::NegMulAdd(b, s, hn::Mul(a, c)), to + i, left);
    StoreSome(hn::MulAdd(a, s, hn::Mul(b, c)), to + half + i, left);
  }
}

template <class T>
void RotateTokens(const Rotation& work, int64_t begin, int64_t end) {
  const int64_t half = work.head_dim / 2;
  const Floats sign = Set(work.inverse ? -1.0f : 1.0f);
  for (int64_t token = begin; token < end; ++token) {
    const int64_t angle = work.positions[token] * half;
    const T* from = static_cast<const T*>(work.from) + token * work.from_stride;
    T* to = static_cast<T*>(work.to) + token * work.to_stride;
    for (int64_t head = 0; head < work.heads; ++head) {
      RotateHead(from + head * work.head_dim, to + head * work.head_dim, work.cos + angle,
                 work.sin + angle, half, sign);
    }
  }
}

}  // namespace

void Rotate(const Rotation& work, int64_t begin, int64_t end) {
  if (work.element == Element::kF32) return RotateTokens<float>(work, begin, end);
  RotateTokens<Bf16>(work, begin, end);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace meap
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace meap {

HWY_EXPORT(Rotate);

void Rotation::Run(int64_t begin, int64_t end) const {
  HWY_DYNAMIC_DISPATCH(Rotate)(*this, begin, end);
}

}  // namespace meap
#endif
