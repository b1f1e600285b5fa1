// Llama::AddLora: which modules get adapters, and where in the model's stacked matrices they stand.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/strings.h"
#include "model/llama.h"

namespace meap {
namespace {

const std::vector<std::string> kModules = {"q_proj",    "k_proj",  "v_proj",   "o_proj",
                                           "gate_proj", "up_proj", "down_proj"};

void CheckModules(const std::vector<std::string>& targets) {
  for (const std::string& target : targets) {
    if (std::find(kModules.begin(), kModules.end(), target) != kModules.end()) continue;
    throw InputError({.what = "the model has no such module for LoRA",
                      .where = "lora.target_modules",
                      .expected = "some of " + Join(kModules, ", "),
                      .got = target});
  }
}

}  // namespace

bool IsLoraTarget(const std::string& hf_name, const LoraOptions& options) {
  return std::any_of(options.target_modules.begin(), options.target_modules.end(),
                     [&](const std::string& m) { return hf_name.ends_with("." + m + ".weight"); });
}

double LoraScale(const LoraOptions& options) {
  const auto rank = static_cast<double>(options.rank);
  return options.alpha / (options.rslora ? std::sqrt(rank) : rank);
}

AdaptedMatrix& Llama::MatrixOf(const std::string& parameter) {
  const size_t dot = parameter.rfind('.');
  LlamaBlock& block = blocks_[std::stoul(parameter.substr(6, dot - 6))];  // "block.12.qkv"
  const std::string matrix = parameter.substr(dot + 1);
  if (matrix == "qkv") return block.qkv_lora;
  if (matrix == "out") return block.out_lora;
  return matrix == "gate_up" ? block.gate_up_lora : block.down_lora;
}

void Llama::AddLora(const LoraOptions& options, uint64_t seed, int64_t mask_id) {
  CheckModules(options.target_modules);
  const at::NoGradGuard no_grad;
  at::Generator generator = at::detail::createCPUGenerator(seed);
  for (const Parameter& parameter : parameters_) parameter.tensor.requires_grad_(false);
  const auto train = [&](const std::string& name, const at::Tensor& tensor, bool decays) {
    tensor.requires_grad_(true);
    lora_parameters_.push_back({name, tensor, decays});
  };
  for (const HfSlice& slice : hf_slices_) {
    if (!IsLoraTarget(slice.hf_name, options)) continue;
    const Parameter& parameter = parameters_[slice.parameter];
    const int64_t inputs = parameter.tensor.size(1);
    const double bound = 1 / std::sqrt(static_cast<double>(inputs));
    const at::Tensor drawn = at::empty({options.rank, inputs}, at::kFloat);
    LoraAdapter adapter{.row = slice.row,
                        .a_rD = drawn.uniform_(-bound, bound, generator).to(options_),
                        .b_Or = at::zeros({slice.rows, options.rank}, options_)};
    train("lora." + slice.hf_name + ".A", adapter.a_rD, true);
    train("lora." + slice.hf_name + ".B", adapter.b_Or, true);
    AdaptedMatrix& matrix = MatrixOf(parameter.name);
    matrix.scale = LoraScale(options);
    matrix.dropout = options.dropout;
    matrix.salt = (slice.parameter + 1) * 0x9E3779B97F4A7C15u;
    matrix.adapters.push_back(std::move(adapter));
    adapted_.push_back(slice);
  }
  if (mask_id < 0) return;
  trained_row_ = mask_id;
  trained_embedding_row_ = embedding_VD_.detach().narrow(0, mask_id, 1);
  train("lora.embedding_row", trained_embedding_row_, false);
  trained_head_row_ = trained_embedding_row_;
  if (head_VD_.defined()) {
    trained_head_row_ = head_VD_.detach().narrow(0, mask_id, 1);
    train("lora.head_row", trained_head_row_, false);
  }
}

}  // namespace meap
