#include "nn/adamw_kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/adamw_kernel.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include <hwy/foreach_target.h>

#include "nn/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace meap {
namespace HWY_NAMESPACE {
namespace {

template <class Grad, class Copy>
void Update(const AdamWStep& s, int64_t begin, int64_t end) {
  const Grad* grad = static_cast<const Grad*>(s.grad);
  Copy* copy = static_cast<Copy*>(s.copy);
  for (int64_t i = begin; i < end; i += Lanes()) {
    const int64_t left = end - i;
    const Floats g = hn::Mul(LoadSome(grad + i, left), Set(s.grad_scale));
    Floats m = LoadSome(s.m + i, left);
    m = hn::MulAdd(hn::Sub(g, m), Set(1 - s.beta1), m);
    Floats v = hn::Mul(LoadSome(s.v + i, left), Set(s.beta2));
    v = hn::MulAdd(hn::Mul(g, g), Set(1 - s.beta2), v);
    const Floats denominator = hn::MulAdd(hn::Sqrt(v), Set(s.root), Set(s.eps));
    Floats w = hn::Mul(LoadSome(s.master + i, left), Set(s.keep));
    w = hn::NegMulAdd(Set(s.step_size), hn::Div(m, denominator), w);
    StoreSome(m, s.m + i, left);
    StoreSome(v, s.v + i, left);
    StoreSome(w, s.master + i, left);
    if (copy != nullptr) StoreSome(w, copy + i, left);
  }
}

template <class T>
double Squares(const T* x, int64_t count) {
  constexpr int64_t kStretch = 1024;
  double total = 0;
  for (int64_t begin = 0; begin < count; begin += kStretch) {
    const int64_t end = std::min(count, begin + kStretch);
    Floats sum = Zero();
    for (int64_t i = begin; i < end; i += Lanes()) {
      const Floats value = LoadSome(x + i, end - i);
      sum = hn::MulAdd(value, value, sum);
    }
    total += static_cast<double>(Sum(sum));
  }
  return total;
}

}  // namespace

void AdamW(const AdamWStep& step, int64_t begin, int64_t end) {
  const bool wide_copy = step.copy_element == Element::kF32;
  if (step.grad_element == Element::kF32) {
    wide_copy ? Update<float, float>(step, begin, end) : Update<float, Bf16>(step, begin, end);
  } else {
    wide_copy ? Update<Bf16, float>(step, begin, end) : Update<Bf16, Bf16>(step, begin, end);
  }
}

double SquaresOf(Element element, const void* x, int64_t count) {
  if (element == Element::kF32) return Squares(static_cast<const float*>(x), count);
  return Squares(static_cast<const Bf16*>(x), count);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace meap
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace meap {

HWY_EXPORT(AdamW);
HWY_EXPORT(SquaresOf);

void AdamWStep::Run(int64_t begin, int64_t end) const {
  HWY_DYNAMIC_DISPATCH(AdamW)(*this, begin, end);
}

double SumOfSquares(Element element, const void* x, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(SquaresOf)(element, x, count);
}

}  // namespace meap
#endif
