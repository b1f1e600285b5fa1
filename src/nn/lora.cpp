#include "nn/lora.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/csrc/autograd/custom_function.h>

#include <utility>

#include "core/error.h"
#include "nn/dispatch.h"
#include "nn/gpu.h"
#include "nn/linear.h"
#include "nn/swiglu.h"

namespace meap {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What both passes need beside the tensors that get gradients, as autograd's contexts can hold it.
/// R: the ranks of all adapters together.
struct Projection : torch::CustomClassHolder {
  Projection(at::Tensor weight, at::Tensor bias, AdaptedMatrix adapted,
             std::optional<uint64_t> seed, bool of_swiglu)
      : weight_OD(std::move(weight)),
        bias_O(std::move(bias)),
        lora(std::move(adapted)),
        dropout_seed(seed),
        reads_swiglu(of_swiglu) {}

  at::Tensor weight_OD;
  at::Tensor bias_O;  // may be undefined
  AdaptedMatrix lora;
  std::optional<uint64_t> dropout_seed;
  bool reads_swiglu;  // SwiGlu of its input, a gate_up

  at::Tensor Factors(int64_t tokens) const {
    return DropoutFactors({tokens, weight_OD.size(1)}, weight_OD.options(), lora, dropout_seed);
  }

  /// The A of all adapters, one under the other.
  at::Tensor StackedA() const {
    std::vector<at::Tensor> all;
    for (const LoraAdapter& adapter : lora.adapters) all.push_back(adapter.a_rD);
    return all.size() == 1 ? all[0].contiguous() : at::cat(all);
  }

  /// Calls `use` with each adapter, its columns of the projection's results, and its columns of
  /// what stands between A and B.
  template <class Use>
  void ForEach(const at::Tensor& out_NO, const at::Tensor& low_NR, const Use& use) const {
    int64_t column = 0;
    for (const LoraAdapter& adapter : lora.adapters) {
      const int64_t rank = adapter.a_rD.size(0);
      use(adapter, out_NO.narrow(1, adapter.row, adapter.b_Or.size(0)),
          low_NR.narrow(1, column, rank));
      column += rank;
    }
  }

  /// The gradient of what the projection and its adapters read.
  at::Tensor GradOfRead(const at::Tensor& grad_out_NO, const at::Tensor& grad_low_NR,
                        const at::Tensor& factors_ND) const {
    at::Tensor grad_ND = MatrixProduct(grad_out_NO, weight_OD);
    if (factors_ND.defined()) {
      grad_ND.addcmul_(MatrixProduct(grad_low_NR, StackedA()), factors_ND);
    } else {
      MatrixProduct(grad_low_NR, StackedA(), grad_ND, /*accumulate=*/true);
    }
    return grad_ND;
  }
};

at::Tensor Dropped(const at::Tensor& read_ND, const at::Tensor& factors_ND) {
  return factors_ND.defined() ? read_ND * factors_ND : read_ND;
}

class AdaptedLinearFunction : public torch::autograd::Function<AdaptedLinearFunction> {
 public:
  /// `trained`: A and B of each adapter in turn.
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& input, at::TensorList trained,
                            const c10::intrusive_ptr<Projection>& projection) {
    MEAP_CHECK(trained.size() == 2 * projection->lora.adapters.size(), "A and B of each adapter");
    const Projection& p = *projection;
    const at::Tensor in = input.contiguous();
    const at::Tensor read_ND = p.reads_swiglu ? SwiGlu(in) : in;
    at::Tensor out_NO = LinearProduct(read_ND, p.weight_OD, p.bias_O);
    const at::Tensor low_NR =
        MatrixProduct(Dropped(read_ND, p.Factors(read_ND.size(0))), p.StackedA().t());
    low_NR.mul_(p.lora.scale);
    p.ForEach(out_NO, low_NR,
              [](const LoraAdapter& adapter, const at::Tensor& out, const at::Tensor& low) {
                MatrixProduct(low, adapter.b_Or.t(), out, /*accumulate=*/true);
              });
    ctx->save_for_backward({in, low_NR});
    ctx->saved_data["projection"] = at::IValue::make_capsule(projection);
    return out_NO;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &in = saved[0], &low_NR = saved[1];
    const auto capsule = ctx->saved_data["projection"].toCapsule();
    const auto& p = static_cast<const Projection&>(*capsule);
    const at::Tensor grad_out_NO = grads[0].contiguous();

    std::vector<at::Tensor> grads_b;
    p.ForEach(grad_out_NO, low_NR,
              [&](const LoraAdapter&, const at::Tensor& grad_out, const at::Tensor& low) {
                grads_b.push_back(MatrixProduct(grad_out.t(), low));
              });
    const at::Tensor grad_low_NR = at::empty_like(low_NR);
    p.ForEach(grad_out_NO, grad_low_NR,
              [](const LoraAdapter& adapter, const at::Tensor& grad_out, const at::Tensor& low) {
                MatrixProduct(grad_out, adapter.b_Or, low);
              });
    grad_low_NR.mul_(p.lora.scale);

    const at::Tensor factors_ND = p.Factors(in.size(0));
    variable_list results(1);
    at::Tensor read_ND = in;
    if (ctx->needs_input_grad(0)) {
      results[0] = p.GradOfRead(grad_out_NO, grad_low_NR, factors_ND);
      if (p.reads_swiglu) {
        read_ND = at::empty_like(results[0]);
        results[0] = SwiGluGradient(in, results[0], read_ND);
      }
    } else if (p.reads_swiglu) {
      read_ND = SwiGlu(in);
    }
    const at::Tensor grad_a_RD = MatrixProduct(grad_low_NR.t(), Dropped(read_ND, factors_ND));
    int64_t row = 0;
    for (size_t i = 0; i < p.lora.adapters.size(); ++i) {
      const int64_t rank = p.lora.adapters[i].a_rD.size(0);
      results.push_back(grad_a_RD.narrow(0, row, rank));
      results.push_back(grads_b[i]);
      row += rank;
    }
    results.emplace_back();  // of the projection
    return results;
  }
};

at::Tensor Adapted(const at::Tensor& input, const c10::intrusive_ptr<Projection>& projection) {
  std::vector<at::Tensor> trained;
  for (const LoraAdapter& adapter : projection->lora.adapters) {
    trained.push_back(adapter.a_rD);
    trained.push_back(adapter.b_Or);
  }
  return AdaptedLinearFunction::apply(input, at::TensorList(trained), projection);
}

}  // namespace

at::Tensor AdaptedLinear(const at::Tensor& x_ND, const at::Tensor& weight_OD,
                         const at::Tensor& bias_O, const AdaptedMatrix& lora,
                         std::optional<uint64_t> dropout_seed) {
  if (lora.adapters.empty()) return Linear(x_ND, weight_OD, bias_O);
  if (!HasFusedKernel(x_ND)) {
    return reference::AdaptedLinear(x_ND, weight_OD, bias_O, lora, dropout_seed);
  }
  return Adapted(x_ND, c10::make_intrusive<Projection>(weight_OD, bias_O, lora, dropout_seed,
                                                       /*of_swiglu=*/false));
}

at::Tensor AdaptedSwiGluLinear(const at::Tensor& gate_up_N2F, const at::Tensor& weight_OF,
                               const at::Tensor& bias_O, const AdaptedMatrix& lora,
                               std::optional<uint64_t> dropout_seed) {
  if (lora.adapters.empty()) return SwiGluLinear(gate_up_N2F, weight_OF, bias_O);
  if (!HasFusedKernel(gate_up_N2F)) {
    return AdaptedLinear(SwiGlu(gate_up_N2F), weight_OF, bias_O, lora, dropout_seed);
  }
  return Adapted(gate_up_N2F, c10::make_intrusive<Projection>(weight_OF, bias_O, lora, dropout_seed,
                                                              /*of_swiglu=*/true));
}

at::Tensor DropoutFactors(at::IntArrayRef sizes, const at::TensorOptions& options,
                          const AdaptedMatrix& lora, std::optional<uint64_t> dropout_seed) {
  if (lora.dropout == 0 || !dropout_seed) return {};
  at::Generator generator = at::detail::createCPUGenerator(*dropout_seed ^ lora.salt);
  const at::Tensor keep = at::empty(sizes, at::kFloat).bernoulli_(1 - lora.dropout, generator);
  return SendTo(keep.div_(1 - lora.dropout).to(options.dtype()), options.device());
}

at::Tensor LoraDelta(const at::Tensor& a_rD, const at::Tensor& b_Or, double scale) {
  return at::mm(b_Or.to(at::kFloat), a_rD.to(at::kFloat)).mul_(scale);
}

}  // namespace meap
