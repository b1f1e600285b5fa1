#include "nn/linear_cross_entropy_kernel.h"

#include <cmath>
#include <limits>
#include <memory>

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

/// Where the weights e^(x - maximum) of a row are kept until their sum is known: in f32, so that
/// they are rounded once. In f32 that is the row itself.
template <class T>
float* WeightsOf(T* logits, float* scratch) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return logits;
  } else {
    return scratch;
  }
}

template <class T>
void Row(const SoftmaxLoss& work, int64_t row, float* scratch) {
  const int64_t count = work.vocabulary;
  T* logits = static_cast<T*>(work.logits) + row * count;
  T* target = logits + work.targets[row];
  const float target_logit = hn::GetLane(LoadPart(target, 1));
  const float maximum = Maximum(logits, count);
  const Floats shift = Set(maximum);
  float* weights = work.wants_gradient ? WeightsOf(logits, scratch) : nullptr;
  const auto weigh = [&](int64_t i) HWY_ATTR {
    const Floats weight = Weights(logits + i, count - i, shift);
    if (weights != nullptr) StoreSome(weight, weights + i, count - i);
    return weight;
  };
  // Two chains of sums hide the latency of the additions.
  Floats even = Zero();
  Floats odd = Zero();
  for (int64_t i = 0; i < count; i += 2 * Lanes()) {
    even = hn::Add(even, weigh(i));
    if (i + Lanes() < count) odd = hn::Add(odd, weigh(i + Lanes()));
  }
  const float sum = Sum(hn::Add(even, odd));
  work.nll[row] = std::log(sum) + (maximum - target_logit);
  if (!work.wants_gradient) return;
  const float factor = work.scale / sum;
  for (int64_t i = 0; i < count; i += Lanes()) {
    StoreSome(hn::Mul(LoadSome(weights + i, count - i), Set(factor)), logits + i, count - i);
  }
  const float probability = std::exp(target_logit - maximum) / sum;
  StorePart(Set(work.scale * (probability - 1.0f)), target, 1);
}

}  // namespace

void LossRows(const SoftmaxLoss& work, int64_t begin, int64_t end) {
  const bool wide = work.element == Element::kF32;
  const int64_t scratch_size = wide || !work.wants_gradient ? 0 : work.vocabulary;
  const auto scratch = std::make_unique_for_overwrite<float[]>(scratch_size);
  for (int64_t row = begin; row < end; ++row) {
    wide ? Row<float>(work, row, nullptr) : Row<Bf16>(work, row, scratch.get());
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
