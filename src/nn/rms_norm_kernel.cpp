#include "nn/rms_norm_kernel.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/rms_norm_kernel.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include <hwy/foreach_target.h>

#include "nn/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace meap {
namespace HWY_NAMESPACE {
namespace {

template <class T>
void ForwardRows(const RmsNormForward& work, int64_t begin, int64_t end) {
  const int64_t width = work.width;
  const T* weight = static_cast<const T*>(work.weight);
  for (int64_t row = begin; row < end; ++row) {
    const T* x = static_cast<const T*>(work.x) + row * width;
    if (work.delta != nullptr) {
      const T* delta = static_cast<const T*>(work.delta) + row * width;
      T* sum = static_cast<T*>(work.sum) + row * width;
      for (int64_t i = 0; i < width; i += Lanes()) {
        const int64_t left = width - i;
        StoreSome(hn::Add(LoadSome(x + i, left), LoadSome(delta + i, left)), sum + i, left);
      }
      x = sum;  // read again as it was rounded: the backward pass sees the same numbers
    }
    Floats squares = Zero();
    for (int64_t i = 0; i < width; i += Lanes()) {
      const Floats value = LoadSome(x + i, width - i);
      squares = hn::MulAdd(value, value, squares);
    }
    const float mean = Sum(squares) / static_cast<float>(width);
    const float scale = 1.0f / std::sqrt(mean + work.eps);
    work.scale[row] = scale;
    T* normed = static_cast<T*>(work.normed) + row * width;
    for (int64_t i = 0; i < width; i += Lanes()) {
      const int64_t left = width - i;
      const Floats value = hn::Mul(LoadSome(x + i, left), Set(scale));
      StoreSome(hn::Mul(value, LoadSome(weight + i, left)), normed + i, left);
    }
  }
}

template <class T>
void BackwardRows(const RmsNormBackward& work, int64_t begin, int64_t end, float* grad_weight) {
  const int64_t width = work.width;
  const T* weight = static_cast<const T*>(work.weight);
  for (int64_t row = begin; row < end; ++row) {
    const T* x = static_cast<const T*>(work.x) + row * width;
    const T* grad = static_cast<const T*>(work.grad_normed) + row * width;
    const T* grad_sum = static_cast<const T*>(work.grad_sum);
    T* grad_x = static_cast<T*>(work.grad_x) + row * width;
    const Floats scale = Set(work.scale[row]);
    Floats dot = Zero();
    for (int64_t i = 0; i < width; i += Lanes()) {
      const int64_t left = width - i;
      const Floats unit = hn::Mul(LoadSome(x + i, left), scale);
      const Floats part = hn::Mul(LoadSome(grad + i, left), unit);
      StoreSome(hn::Add(LoadSome(grad_weight + i, left), part), grad_weight + i, left);
      dot = hn::MulAdd(part, LoadSome(weight + i, left), dot);
    }
    const Floats mean = Set(Sum(dot) / static_cast<float>(width));
    for (int64_t i = 0; i < width; i += Lanes()) {
      const int64_t left = width - i;
      const Floats unit = hn::Mul(LoadSome(x + i, left), scale);
      const Floats weighted = hn::Mul(LoadSome(grad + i, left), LoadSome(weight + i, left));
      Floats result = hn::Mul(scale, hn::NegMulAdd(unit, mean, weighted));
      if (grad_sum != nullptr) {
        result = hn::Add(result, LoadSome(grad_sum + row * width + i, left));
      }
      StoreSome(result, grad_x + i, left);
    }
  }
}

}  // namespace

void NormForward(const RmsNormForward& work, int64_t begin, int64_t end) {
  if (work.element == Element::kF32) return ForwardRows<float>(work, begin, end);
  ForwardRows<Bf16>(work, begin, end);
}

void NormBackward(const RmsNormBackward& work, int64_t begin, int64_t end, float* grad_weight) {
  if (work.element == Element::kF32) return BackwardRows<float>(work, begin, end, grad_weight);
  BackwardRows<Bf16>(work, begin, end, grad_weight);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace meap
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace meap {

HWY_EXPORT(NormForward);
HWY_EXPORT(NormBackward);

void RmsNormForward::Run(int64_t begin, int64_t end) const {
  HWY_DYNAMIC_DISPATCH(NormForward)(*this, begin, end);
}

void RmsNormBackward::Run(int64_t begin, int64_t end, float* grad_weight) const {
  HWY_DYNAMIC_DISPATCH(NormBackward)(*this, begin, end, grad_weight);
}

}  // namespace meap
#endif
