#include "model/llama.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "checkpoint/hf_folder.h"
#include "core/error.h"
#include "model/device.h"
#include "nn/linear.h"
#include "nn/recompute.h"
#include "nn/rms_norm.h"

namespace meap {
namespace {

RopeOptions RopeOf(const LlamaConfig& config) {
  RopeOptions options;
  options.theta = config.rope_theta;
  const RopeScaling& scaling = config.rope_scaling;
  options.scaling = static_cast<RopeOptions::Scaling>(scaling.kind);
  options.factor = scaling.factor;
  options.low_freq_factor = scaling.low_freq_factor;
  options.high_freq_factor = scaling.high_freq_factor;
  options.original_max_position_embeddings =
      static_cast<double>(scaling.original_max_position_embeddings);
  return options;
}

/// The weight in the dtype of what it is multiplied with.
at::Tensor Widened(const at::Tensor& weight_OD, const at::Tensor& x_ND) {
  return weight_OD.scalar_type() == x_ND.scalar_type() ? weight_OD
                                                       : weight_OD.to(x_ND.scalar_type());
}

/// A projection with its adapters.
at::Tensor Project(const at::Tensor& x_ND, const at::Tensor& weight_OD, const at::Tensor& bias_O,
                   const AdaptedMatrix& lora, std::optional<uint64_t> dropout_seed) {
  return AdaptedLinear(x_ND, Widened(weight_OD, x_ND), bias_O, lora, dropout_seed);
}

}  // namespace

Llama::Llama(const LlamaConfig& config, at::ScalarType dtype, at::Device device,
             std::optional<at::ScalarType> matrix_dtype)
    : config_(config),
      options_(at::TensorOptions().dtype(dtype).device(device)),
      matrix_options_(options_.dtype(matrix_dtype.value_or(dtype))) {
  embedding_VD_ = Add("embedding", {config.vocab_size, config.hidden_size}, options_);
  AddHf("model.embed_tokens.weight");
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    blocks_.push_back(MakeBlock(layer));
  }
  final_norm_D_ = Add("final_norm", {config.hidden_size}, options_);
  AddHf("model.norm.weight");
  if (!config.tie_word_embeddings) {
    head_VD_ = Add("head", {config.vocab_size, config.hidden_size}, options_);
    AddHf("lm_head.weight");
  }
  rope_ = MakeRopeTable(RopeOf(config), config.head_dim, config.max_position_embeddings, device);
}

LlamaBlock Llama::MakeBlock(int64_t layer) {
  const LlamaConfig& c = config_;
  const int64_t q = c.num_attention_heads * c.head_dim;
  const int64_t kv = c.num_key_value_heads * c.head_dim;
  const std::string name = "block." + std::to_string(layer) + ".";
  const std::string hf = "model.layers." + std::to_string(layer) + ".";
  const auto add_qkv = [&](const char* suffix) {
    AddHf(hf + "self_attn.q_proj." + suffix, 0, q);
    AddHf(hf + "self_attn.k_proj." + suffix, q, kv);
    AddHf(hf + "self_attn.v_proj." + suffix, q + kv, kv);
  };
  const auto add_gate_up = [&](const char* suffix) {
    AddHf(hf + "mlp.gate_proj." + suffix, 0, c.intermediate_size);
    AddHf(hf + "mlp.up_proj." + suffix, c.intermediate_size, c.intermediate_size);
  };
  LlamaBlock block;
  block.attention_norm_D = Add(name + "attention_norm", {c.hidden_size}, options_);
  AddHf(hf + "input_layernorm.weight");
  block.qkv = Add(name + "qkv", {q + 2 * kv, c.hidden_size}, matrix_options_);
  add_qkv("weight");
  block.out = Add(name + "out", {c.hidden_size, q}, matrix_options_);
  AddHf(hf + "self_attn.o_proj.weight");
  if (c.attention_bias) {
    block.qkv_bias = Add(name + "qkv_bias", {q + 2 * kv}, options_);
    add_qkv("bias");
  }
  if (c.attention_bias && c.attention_output_bias) {
    block.out_bias = Add(name + "out_bias", {c.hidden_size}, options_);
    AddHf(hf + "self_attn.o_proj.bias");
  }
  if (c.qk_norm) {
    block.q_norm_d = Add(name + "q_norm", {c.head_dim}, options_);
    AddHf(hf + "self_attn.q_norm.weight");
    block.k_norm_d = Add(name + "k_norm", {c.head_dim}, options_);
    AddHf(hf + "self_attn.k_norm.weight");
  }
  block.mlp_norm_D = Add(name + "mlp_norm", {c.hidden_size}, options_);
  AddHf(hf + "post_attention_layernorm.weight");
  block.gate_up = Add(name + "gate_up", {2 * c.intermediate_size, c.hidden_size}, matrix_options_);
  add_gate_up("weight");
  block.down = Add(name + "down", {c.hidden_size, c.intermediate_size}, matrix_options_);
  AddHf(hf + "mlp.down_proj.weight");
  if (c.mlp_bias) {
    block.gate_up_bias = Add(name + "gate_up_bias", {2 * c.intermediate_size}, options_);
    add_gate_up("bias");
    block.down_bias = Add(name + "down_bias", {c.hidden_size}, options_);
    AddHf(hf + "mlp.down_proj.bias");
  }
  return block;
}

at::Tensor Llama::Add(const std::string& name, const std::vector<int64_t>& shape,
                      const at::TensorOptions& options) {
  const bool matrix = shape.size() > 1;
  parameters_.push_back({name, at::empty(shape, options), matrix});
  PreferHugePages(parameters_.back().tensor);
  return parameters_.back().tensor;
}

void Llama::AddHf(const std::string& hf_name, int64_t row, int64_t rows) {
  const size_t last = parameters_.size() - 1;
  hf_slices_.push_back({hf_name, last, row, rows < 0 ? parameters_[last].tensor.size(0) : rows});
}

at::Tensor Llama::Forward(const at::Tensor& tokens_N, const at::Tensor& positions_N,
                          Attender& attender, std::optional<uint64_t> dropout_seed) const {
  at::Tensor stream_ND = Embed(tokens_N);
  at::Tensor normed_ND = RmsNorm(stream_ND, blocks_[0].attention_norm_D, config_.rms_norm_eps);
  for (size_t layer = 0; layer < blocks_.size(); ++layer) {
    const ModelPart block = [this, layer, positions_N, &attender,
                             dropout_seed](const std::vector<at::Tensor>& in) {
      return Block(layer, in[0], in[1], positions_N, attender, dropout_seed);
    };
    const std::vector<at::Tensor> in = {stream_ND, normed_ND};
    const std::vector<at::Tensor> out =
        recomputed_ == Recomputed::kBlock ? Recompute(block, in) : block(in);
    stream_ND = out[0];
    normed_ND = out[1];
  }
  return normed_ND;
}

at::Tensor Llama::Embed(const at::Tensor& tokens_N) const {
  at::Tensor embedded_ND = at::embedding(embedding_VD_, tokens_N);
  if (!trained_embedding_row_.defined()) return embedded_ND;
  // The table is frozen: the row's gradient goes to the tensor that shares its memory.
  return at::where(tokens_N.eq(trained_row_).unsqueeze(1), trained_embedding_row_, embedded_ND);
}

std::vector<at::Tensor> Llama::Block(size_t layer, const at::Tensor& residual_ND,
                                     const at::Tensor& normed_in_ND, const at::Tensor& positions_N,
                                     Attender& attender,
                                     std::optional<uint64_t> dropout_seed) const {
  const LlamaBlock& block = blocks_[layer];
  const at::Tensor attended_ND = Attention(block, static_cast<int64_t>(layer), normed_in_ND,
                                           positions_N, attender, dropout_seed);
  const auto [stream_ND, normed_ND] =
      AddRmsNorm(residual_ND, attended_ND, block.mlp_norm_D, config_.rms_norm_eps);
  const ModelPart mlp =
      [&block, dropout_seed](const std::vector<at::Tensor>& in) -> std::vector<at::Tensor> {
    const at::Tensor gate_up_N2F =
        Project(in[0], block.gate_up, block.gate_up_bias, block.gate_up_lora, dropout_seed);
    return {AdaptedSwiGluLinear(gate_up_N2F, Widened(block.down, gate_up_N2F), block.down_bias,
                                block.down_lora, dropout_seed)};
  };
  const at::Tensor delta_ND =
      recomputed_ == Recomputed::kMlp ? Recompute(mlp, {normed_ND})[0] : mlp({normed_ND})[0];
  const bool last = layer + 1 == blocks_.size();
  const at::Tensor& next_norm_D = last ? final_norm_D_ : blocks_[layer + 1].attention_norm_D;
  const auto next = AddRmsNorm(stream_ND, delta_ND, next_norm_D, config_.rms_norm_eps);
  return {next.first, next.second};
}

at::Tensor Llama::Attention(const LlamaBlock& block, int64_t layer, const at::Tensor& normed_ND,
                            const at::Tensor& positions_N, Attender& attender,
                            std::optional<uint64_t> dropout_seed) const {
  const int64_t tokens = normed_ND.size(0);
  const int64_t heads = config_.num_attention_heads;
  const int64_t kv_heads = config_.num_key_value_heads;
  at::Tensor qkv_NHd = Project(normed_ND, block.qkv, block.qkv_bias, block.qkv_lora, dropout_seed)
                           .view({tokens, heads + 2 * kv_heads, config_.head_dim});
  if (block.q_norm_d.defined()) {
    qkv_NHd = NormHeads(qkv_NHd, heads, block.q_norm_d, block.k_norm_d, config_.rms_norm_eps);
  }
  const RotatedQkv qkv = RotateQkv(qkv_NHd, heads, kv_heads, rope_, positions_N);
  const at::Tensor mixed_NHd = attender.Attend(layer, qkv.q_NHd, qkv.k_NKd, qkv.v_NKd);
  return Project(mixed_NHd.view({tokens, heads * config_.head_dim}), block.out, block.out_bias,
                 block.out_lora, dropout_seed);
}

const at::Tensor& Llama::head() const { return head_VD_.defined() ? head_VD_ : embedding_VD_; }

at::Tensor Llama::Logits(const at::Tensor& hidden_ND) const {
  return WideLinear(hidden_ND, head());
}

int64_t Llama::ParameterCount() const {
  int64_t count = 0;
  for (const Parameter& parameter : parameters_) count += parameter.tensor.numel();
  return count;
}

void Llama::Initialize(uint64_t seed) {
  const at::NoGradGuard no_grad;
  at::Generator generator = at::detail::createCPUGenerator(seed);
  const double residual = config_.initializer_range / std::sqrt(2.0 * config_.num_hidden_layers);
  for (Parameter& parameter : parameters_) {
    const std::string& name = parameter.name;
    at::Tensor value = at::empty(parameter.tensor.sizes(), at::kFloat);
    if (parameter.decays) {
      const bool writes_residual = name.ends_with(".out") || name.ends_with(".down");
      value.normal_(0, writes_residual ? residual : config_.initializer_range, generator);
    } else {
      value.fill_(name.ends_with("norm") ? 1.0 : 0.0);
    }
    parameter.tensor.copy_(value);
  }
}

void Llama::Load(const fs::path& folder, const LlamaConfig& stored) {
  const at::NoGradGuard no_grad;
  auto weights = LoadHfWeights(folder, stored);
  for (const HfSlice& slice : hf_slices_) {
    const at::Tensor source = weights.extract(slice.hf_name).mapped();  // its pages go with it
    const at::Tensor target = parameters_[slice.parameter].tensor.narrow(0, slice.row, slice.rows);
    const int64_t rows = source.size(0);
    target.narrow(0, 0, rows).copy_(source);
    if (rows == slice.rows) continue;
    // Only embedding and head may have grown. Their mean is taken in f32, without a copy if can be.
    const at::Tensor wide =
        target.scalar_type() == at::kFloat ? target.narrow(0, 0, rows) : source.to(at::kFloat);
    target.narrow(0, rows, slice.rows - rows)
        .copy_(wide.mean(0, /*keepdim=*/true).expand({slice.rows - rows, -1}));
  }
}

std::vector<TensorSource> Llama::HfSources(const std::vector<at::Tensor>& weights) const {
  MEAP_CHECK(weights.size() == parameters_.size(), "one tensor for each parameter");
  std::vector<TensorSource> sources;
  for (const HfSlice& slice : hf_slices_) {
    sources.push_back(SourceOf(slice.hf_name,
                               weights[slice.parameter].detach().narrow(0, slice.row, slice.rows)));
  }
  return sources;
}

}  // namespace meap
