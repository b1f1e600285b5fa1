#include "nn/adamw.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "nn/adamw_kernel.h"
#include "nn/dispatch.h"

namespace meap {
namespace {

/// Elements of one piece of work: its buffers fit the second-level cache.
constexpr int64_t kPiece = int64_t{1} << 16;

bool IsFlat(const at::Tensor& x) { return HasFusedKernel(x) && x.is_contiguous(); }

bool FitsKernel(const at::Tensor& grad, const at::Tensor& master, const at::Tensor& m,
                const at::Tensor& v, const at::Tensor& copy) {
  return IsFlat(grad) && IsFlat(master) && IsFlat(m) && IsFlat(v) &&
         (!copy.defined() || IsFlat(copy));
}

AdamWStep StepOf(const AdamWOptions& options, int64_t step, double grad_scale,
                 const at::Tensor& grad, const at::Tensor& master, const at::Tensor& m,
                 const at::Tensor& v, const at::Tensor& copy) {
  const double correction1 = 1 - std::pow(options.beta1, static_cast<double>(step));
  const double correction2 = 1 - std::pow(options.beta2, static_cast<double>(step));
  return {.grad_scale = static_cast<float>(grad_scale),
          .beta1 = static_cast<float>(options.beta1),
          .beta2 = static_cast<float>(options.beta2),
          .keep = static_cast<float>(1 - options.lr * options.weight_decay),
          .step_size = static_cast<float>(options.lr / correction1),
          .root = static_cast<float>(1 / std::sqrt(correction2)),
          .eps = static_cast<float>(options.eps),
          .grad_element = ElementOf(grad),
          .grad = grad.const_data_ptr(),
          .master = master.mutable_data_ptr<float>(),
          .m = m.mutable_data_ptr<float>(),
          .v = v.mutable_data_ptr<float>(),
          .copy_element = copy.defined() ? ElementOf(copy) : Element::kF32,
          .copy = copy.defined() ? copy.mutable_data_ptr() : nullptr};
}

/// Every tensor's parts on the device, looked at once.
double GpuGradNorm(const std::vector<at::Tensor>& grads) {
  const auto count = static_cast<int64_t>(grads.size());
  const at::Tensor parts = at::empty({count, kGpuNormParts}, grads[0].options().dtype(at::kDouble));
  for (int64_t i = 0; i < count; ++i) {
    double* const sums = parts.mutable_data_ptr<double>() + i * kGpuNormParts;
    OnDeviceOf(
        parts,
        [&](auto stream) {
          GpuSumOfSquares(ElementOf(grads[i]), grads[i].const_data_ptr(), grads[i].numel(), sums,
                          stream);
        },
        [] {});
  }
  return std::sqrt(parts.sum().item<double>());
}

void AdamWOperator(const at::Tensor& master, const at::Tensor& m, const at::Tensor& v,
                   const at::Tensor& grad, const std::optional<at::Tensor>& copy, int64_t step,
                   double grad_scale, double lr, double beta1, double beta2, double eps,
                   double weight_decay) {
  AdamWUpdate({lr, beta1, beta2, eps, weight_decay}, step, grad_scale, grad, master, m, v,
              copy.value_or(at::Tensor()));
}

TORCH_LIBRARY_FRAGMENT(meap, library) {
  library.def(
      "adamw_(Tensor(a!) master, Tensor(b!) m, Tensor(c!) v, Tensor grad, Tensor? copy, int step, "
      "float grad_scale, float lr, float beta1, float beta2, float eps, float weight_decay) -> ()",
      &AdamWOperator);
  library.def("grad_norm(Tensor[] grads) -> float",
              [](at::TensorList grads) { return GradNorm(grads.vec()); });
}

}  // namespace

void AdamWUpdate(const AdamWOptions& options, int64_t step, double grad_scale,
                 const at::Tensor& grad, const at::Tensor& master, const at::Tensor& m,
                 const at::Tensor& v, const at::Tensor& copy) {
  if (!FitsKernel(grad, master, m, v, copy)) {
    return reference::AdamWUpdate(options, step, grad_scale, grad, master, m, v, copy);
  }
  const int64_t count = master.numel();
  MEAP_CHECK(grad.numel() == count && m.numel() == count && v.numel() == count &&
                 (!copy.defined() || copy.numel() == count),
             "tensors of one parameter are of one size");
  const AdamWStep work = StepOf(options, step, grad_scale, grad, master, m, v, copy);
  OnDeviceOf(
      master, [&](auto stream) { GpuAdamW(work, count, stream); },
      [&] {
        const int64_t pieces = (count + kPiece - 1) / kPiece;
        at::parallel_for(0, pieces, 1, [&](int64_t begin, int64_t end) {
          work.Run(begin * kPiece, std::min(count, end * kPiece));
        });
      });
}

double GradNorm(const std::vector<at::Tensor>& grads) {
  if (!std::all_of(grads.begin(), grads.end(), IsFlat)) return reference::GradNorm(grads);
  if (!grads.empty() && grads[0].is_cuda()) return GpuGradNorm(grads);
  struct Piece {
    const at::Tensor* grad;
    int64_t begin;
  };
  std::vector<Piece> pieces;
  for (const at::Tensor& grad : grads) {
    for (int64_t begin = 0; begin < grad.numel(); begin += kPiece) pieces.push_back({&grad, begin});
  }
  // Pieces are summed in their order afterwards: the same norm for any number of threads.
  std::vector<double> sums(pieces.size());
  const auto count = static_cast<int64_t>(pieces.size());
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const at::Tensor& grad = *pieces[i].grad;
      const char* data = static_cast<const char*>(grad.const_data_ptr());
      sums[i] = SumOfSquares(ElementOf(grad), data + pieces[i].begin * grad.element_size(),
                             std::min(kPiece, grad.numel() - pieces[i].begin));
    }
  });
  double total = 0;
  for (double sum : sums) total += sum;
  return std::sqrt(total);
}

}  // namespace meap
