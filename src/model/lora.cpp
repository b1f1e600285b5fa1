#include "model/lora.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "nn/gpu.h"
#include "nn/linear.h"

namespace meap {
namespace {

/// x with a share of its numbers zeroed and the rest scaled up to the same mean. Drawn on the CPU:
/// the same on every device.
at::Tensor Dropout(const at::Tensor& x_ND, double share, uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  const at::Tensor keep = at::empty(x_ND.sizes(), at::kFloat).bernoulli_(1 - share, generator);
  return x_ND * SendTo(keep.div_(1 - share).to(x_ND.scalar_type()), x_ND.device());
}

}  // namespace

at::Tensor AddLora(const AdaptedMatrix& matrix, const at::Tensor& x_ND, const at::Tensor& out_NO,
                   std::optional<uint64_t> dropout_seed) {
  if (matrix.adapters.empty()) return out_NO;
  const bool drops = matrix.dropout > 0 && dropout_seed;
  const at::Tensor read_ND =
      drops ? Dropout(x_ND, matrix.dropout, *dropout_seed ^ matrix.salt) : x_ND;
  const int64_t tokens = out_NO.size(0);
  std::vector<at::Tensor> parts;  // side by side: what is added to all O outputs
  int64_t row = 0;
  const auto nothing_until = [&](int64_t end) {
    if (end > row) parts.push_back(at::zeros({tokens, end - row}, out_NO.options()));
    row = end;
  };
  for (const LoraAdapter& adapter : matrix.adapters) {
    nothing_until(adapter.row);
    parts.push_back(Linear(Linear(read_ND, adapter.a_rD), adapter.b_Or));
    row += adapter.b_Or.size(0);
  }
  nothing_until(out_NO.size(1));
  return at::add(out_NO, parts.size() == 1 ? parts[0] : at::cat(parts, 1), matrix.scale);
}

at::Tensor LoraDelta(const at::Tensor& a_rD, const at::Tensor& b_Or, double scale) {
  return at::mm(b_Or.to(at::kFloat), a_rD.to(at::kFloat)).mul_(scale);
}

}  // namespace meap
