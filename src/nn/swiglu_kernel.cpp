#include "nn/swiglu_kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/swiglu_kernel.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include <hwy/foreach_target.h>

#include "nn/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace meap {
namespace HWY_NAMESPACE {
namespace {

template <class T>
void ForwardRow(int64_t width, int64_t first, int64_t last, const T* gate, T* out) {
  const T* up = gate + width;
  for (int64_t i = first; i < last; i += Lanes()) {
    const int64_t left = last - i;
    const Floats x = LoadSome(gate + i, left);
    StoreSome(hn::Mul(hn::Mul(x, Sigmoid(x)), LoadSome(up + i, left)), out + i, left);
  }
}

template <class T>
void BackwardRow(int64_t width, const T* gate, const T* grad_out, T* grad_gate, T* out) {
  const T* up = gate + width;
  T* grad_up = grad_gate + width;
  for (int64_t i = 0; i < width; i += Lanes()) {
    const int64_t left = width - i;
    const Floats x = LoadSome(gate + i, left);
    const Floats grad = LoadSome(grad_out + i, left);
    const Floats y = LoadSome(up + i, left);
    const Floats sigmoid = Sigmoid(x);
    const Floats silu = hn::Mul(x, sigmoid);
    // silu'(x) = s + x s (1 - s) = s + silu - silu s
    const Floats slope = hn::NegMulAdd(silu, sigmoid, hn::Add(sigmoid, silu));
    StoreSome(hn::Mul(grad, silu), grad_up + i, left);
    StoreSome(hn::Mul(hn::Mul(grad, y), slope), grad_gate + i, left);
    if (out != nullptr) StoreSome(hn::Mul(silu, y), out + i, left);
  }
}

template <class T>
void BackwardRows(int64_t width, const void* gate_up, const void* grad_out, void* grad_gate_up,
                  void* out, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    BackwardRow(width, static_cast<const T*>(gate_up) + row * 2 * width,
                static_cast<const T*>(grad_out) + row * width,
                static_cast<T*>(grad_gate_up) + row * 2 * width,
                out == nullptr ? nullptr : static_cast<T*>(out) + row * width);
  }
}

template <class T>
void ForwardRows(const SwiGluForward& work, int64_t begin, int64_t end, int64_t first,
                 int64_t last) {
  for (int64_t row = begin; row < end; ++row) {
    ForwardRow(work.width, first, last, static_cast<const T*>(work.gate_up) + row * 2 * work.width,
               static_cast<T*>(work.out) + row * work.width);
  }
}

}  // namespace

void GluForward(const SwiGluForward& work, int64_t begin, int64_t end, int64_t first,
                int64_t last) {
  if (work.element == Element::kF32) return ForwardRows<float>(work, begin, end, first, last);
  ForwardRows<Bf16>(work, begin, end, first, last);
}

void GluBackward(Element element, int64_t width, const void* gate_up, const void* grad_out,
                 void* grad_gate_up, void* out, int64_t begin, int64_t end) {
  if (element == Element::kF32) {
    return BackwardRows<float>(width, gate_up, grad_out, grad_gate_up, out, begin, end);
  }
  BackwardRows<Bf16>(width, gate_up, grad_out, grad_gate_up, out, begin, end);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace meap
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace meap {

HWY_EXPORT(GluForward);
HWY_EXPORT(GluBackward);

void SwiGluForward::Run(int64_t begin, int64_t end, int64_t first, int64_t last) const {
  HWY_DYNAMIC_DISPATCH(GluForward)(*this, begin, end, first, last);
}

void SwiGluBackwardRows(Element element, int64_t width, const void* gate_up, const void* grad_out,
                        void* grad_gate_up, void* out, int64_t begin, int64_t end) {
  HWY_DYNAMIC_DISPATCH(GluBackward)
  (element, width, gate_up, grad_out, grad_gate_up, out, begin, end);
}

}  // namespace meap
#endif
