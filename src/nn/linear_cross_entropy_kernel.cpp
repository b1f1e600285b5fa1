#include "nn/linear_cross_entropy_kernel.h"

#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/linear_cross_entropy_kernel.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include <hwy/foreach_target.h>

#include "nn/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace meap {
namespace HWY_NAMESPACE {
namespace {

template <class T>
float Maximum(const T* logits, int64_t count) {
  Floats highest = Set(-std::numeric_limits<float>::infinity());
  int64_t i = 0;
  for (; i + Lanes() <= count; i += Lanes()) highest = hn::Max(highest, Load(logits + i));
  float result = Max(highest);
  if (i < count) {
    T last[HWY_MAX_BYTES / 4];
    std::fill_n(last, Lanes(), logits[i]);
    std::copy_n(logits + i, count - i, last);
    result = std::max(result, Max(Load(last)));
  }
  return result;
}

/// e^(x - shift) of the elements that exist, 0 behind them.
template <class T>
HWY_INLINE Floats Weights(const T* logits, int64_t left, Floats shift) {
  const Floats weights = Exp(hn::Sub(LoadSome(logits, left), shift));
  if (left >= Lanes()) return weights;
  return hn::IfThenElseZero(hn::FirstN(FloatTag(), static_cast<size_t>(left)), weights);
}

template <class T>
void Row(const SoftmaxLoss& work, int64_t row) {
  const int64_t count = work.vocabulary;
  T* logits = static_cast<T*>(work.logits) + row * count;
  T* target = logits + work.targets[row];
  const float target_logit = hn::GetLane(LoadPart(target, 1));
  const float maximum = Maximum(logits, count);
  const Floats shift = Set(maximum);
  // Two chains of sums hide the latency of the additions.
  Floats even = Zero();
  Floats odd = Zero();
  for (int64_t i = 0; i < count; i += 2 * Lanes()) {
    even = hn::Add(even, Weights(logits + i, count - i, shift));
    if (i + Lanes() < count) {
      odd = hn::Add(odd, Weights(logits + i + Lanes(), count - i - Lanes(), shift));
    }
  }
  const float sum = Sum(hn::Add(even, odd));
  work.nll[row] = std::log(sum) + (maximum - target_logit);
  if (!work.wants_gradient) return;
  const float factor = work.scale / sum;
  for (int64_t i = 0; i < count; i += Lanes()) {
    StoreSome(hn::Mul(Weights(logits + i, count - i, shift), Set(factor)), logits + i, count - i);
  }
  const float probability = std::exp(target_logit - maximum) / sum;
  StorePart(Set(work.scale * (probability - 1.0f)), target, 1);
}

}  // namespace

void LossRows(const SoftmaxLoss& work, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    work.element == Element::kF32 ? Row<float>(work, row) : Row<Bf16>(work, row);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace meap
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace meap {

HWY_EXPORT(LossRows);

void SoftmaxLoss::Run(int64_t begin, int64_t end) const {
  HWY_DYNAMIC_DISPATCH(LossRows)(*this, begin, end);
}

}  // namespace meap
#endif
