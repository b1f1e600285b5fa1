#include "nn/skinny_linear.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include "core/error.h"
#include "nn/dispatch.h"
#include "nn/skinny_linear_kernel.h"

namespace meap {
namespace {

/// Multiply-adds of one thread that outweigh handing it work.
constexpr int64_t kGrain = int64_t{1} << 15;

}  // namespace

bool IsSkinny(const at::Tensor& x_NI) {
  return x_NI.size(0) <= kSkinnyTokens && !at::GradMode::is_enabled() && HasKernel(x_NI);
}

at::Tensor SkinnyLinear(const at::Tensor& x_NI, const at::Tensor& weight_OI,
                        const at::Tensor& bias_O, bool wide) {
  MEAP_CHECK(weight_OI.is_contiguous() && weight_OI.size(1) == x_NI.size(1),
             "the weight fits the inputs");
  const at::Tensor x = x_NI.contiguous();
  const at::Tensor bias = bias_O.defined() ? bias_O.contiguous() : at::Tensor();
  const auto f32 = x.options().dtype(at::kFloat);
  const at::Tensor out_NO = at::empty({x.size(0), weight_OI.size(0)}, wide ? f32 : x.options());
  SkinnyProduct work{.element = ElementOf(x),
                     .tokens = x.size(0),
                     .width = x.size(1),
                     .rows = weight_OI.size(0),
                     .x = x.const_data_ptr(),
                     .weight = weight_OI.const_data_ptr(),
                     .bias = bias.defined() ? bias.const_data_ptr() : nullptr,
                     .out_f32 = wide,
                     .out = out_NO.data_ptr()};
  at::Tensor widened;
  if (work.WorkspaceSize() > 0) {
    widened = at::empty({work.WorkspaceSize()}, f32);
    work.widened = widened.mutable_data_ptr<float>();
    work.Prepare();
  }
  const int64_t grain = std::max<int64_t>(1, kGrain / (work.tokens * work.width + 1));
  at::parallel_for(0, work.rows, grain, [&](int64_t begin, int64_t end) { work.Run(begin, end); });
  return out_NO;
}

}  // namespace meap
