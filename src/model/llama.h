// The decoder: RMSNorm, rotary embedding, grouped-query attention, SwiGLU (Llama family).
// Shapes: N tokens (rows one after another), D width, H query heads, K key/value heads, d head
// width, F SwiGLU width, V vocabulary, L blocks.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/hf_config.h"
#include "checkpoint/safetensors.h"
#include "config/recipe.h"
#include "nn/attention.h"
#include "nn/lora.h"
#include "nn/rope.h"

namespace meap {

/// One decoder block. Matrices that read the same input are one matrix: qkv stacks q, k and v,
/// gate_up stacks gate and up, so that each input is read once. Biases are undefined unless the
/// config has them.
struct LlamaBlock {
  at::Tensor attention_norm_D;
  at::Tensor qkv;  // [(H + 2K) d, D]
  at::Tensor qkv_bias;
  at::Tensor q_norm_d, k_norm_d;  // undefined unless the config has them
  at::Tensor out;                 // [D, H d]
  at::Tensor out_bias;
  at::Tensor mlp_norm_D;
  at::Tensor gate_up;  // [2F, D]
  at::Tensor gate_up_bias;
  at::Tensor down;  // [D, F]
  at::Tensor down_bias;
  // Empty without LoRA.
  AdaptedMatrix qkv_lora, out_lora, gate_up_lora, down_lora;
};

/// A trained tensor: `decays` tells matrices (weight decay) from vectors.
struct Parameter {
  std::string name;
  at::Tensor tensor;
  bool decays = false;
};

/// A Hugging Face tensor as rows [row, row + rows) of a parameter.
struct HfSlice {
  std::string hf_name;
  size_t parameter = 0;  // index into Llama::parameters()
  int64_t row = 0;
  int64_t rows = 0;
};

/// What the backward pass makes again instead of finding it kept: nothing, the inside of the SwiGLU
/// layers, or that of whole blocks (only their inputs are kept). Results are the same to the bit.
enum class Recomputed { kNone, kMlp, kBlock };

/// True for the weight of a module that LoRA adapts.
bool IsLoraTarget(const std::string& hf_name, const LoraOptions& options);
/// alpha / rank, or with rsLoRA alpha / sqrt(rank).
double LoraScale(const LoraOptions& options);

class Llama {
 public:
  /// All weights uninitialised, in `dtype` on `device`. `matrix_dtype`, where given, is that of the
  /// blocks' matrices: a narrower one saves memory, and each matrix is widened when it is used. Not
  /// for training.
  Llama(const LlamaConfig& config, at::ScalarType dtype, at::Device device,
        std::optional<at::ScalarType> matrix_dtype = {});

  /// Fresh weights: normal with config.initializer_range, those that write to the residual stream
  /// smaller by sqrt(2L) (GPT-2's rule), norms 1, biases 0. Drawn on the CPU in a fixed order: the
  /// same everywhere.
  void Initialize(uint64_t seed);
  /// Weights of a Hugging Face folder of the same shape; a vocabulary with more rows than stored is
  /// filled with the mean of the stored rows, embedding and head alike (how [MASK] starts).
  void Load(const fs::path& folder, const LlamaConfig& stored);

  /// Freezes all weights and adds what is trained in their place: adapters on `options`'s modules,
  /// and with a `mask_id` >= 0 that row of the embedding and of the head. A module that the model
  /// lacks is an InputError.
  void AddLora(const LoraOptions& options, uint64_t seed, int64_t mask_id);

  /// Final hidden states [N, D], normed, of tokens_N at positions_N (int64). `attender` says who
  /// sees whom. LoRA's dropout is drawn from `dropout_seed`; there is none without it.
  at::Tensor Forward(const at::Tensor& tokens_N, const at::Tensor& positions_N, Attender& attender,
                     std::optional<uint64_t> dropout_seed = {}) const;
  /// For the backward passes of every Forward from now on. Where it is not kNone, the attender
  /// given to Forward must live until the backward pass is done.
  void SetRecomputed(Recomputed recomputed) { recomputed_ = recomputed; }
  /// The output head [V, D] (the embedding when tied).
  const at::Tensor& head() const;
  /// hidden_ND times the head, f32 [N, V], summed in f32 and not rounded whatever the dtype.
  at::Tensor Logits(const at::Tensor& hidden_ND) const;

  const LlamaConfig& config() const { return config_; }
  /// What Forward is made of, for those who run its parts themselves.
  const std::vector<LlamaBlock>& blocks() const { return blocks_; }
  const at::Tensor& embedding() const { return embedding_VD_; }
  const at::Tensor& final_norm() const { return final_norm_D_; }
  const RopeTable& rope() const { return rope_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  int64_t ParameterCount() const;
  /// What AddLora added: A and B of each adapter ("lora.WEIGHT.A"), and the row of [MASK], which
  /// shares the memory of the embedding ("lora.embedding_row") and, when that is not tied, of the
  /// head ("lora.head_row"). Empty without LoRA.
  const std::vector<Parameter>& lora_parameters() const { return lora_parameters_; }
  /// The weights that have adapters; A and B of the i-th are lora_parameters()[2i] and [2i + 1].
  const std::vector<HfSlice>& adapted() const { return adapted_; }
  /// The one row of the head that is trained, [1, D], and its id; undefined without LoRA.
  const at::Tensor& trained_head_row() const { return trained_head_row_; }
  int64_t trained_row() const { return trained_row_; }
  /// What SaveHfFolder stores, read from `weights` (one tensor for each parameter, any float
  /// dtype): the optimizer's f32 masters, or the parameters themselves.
  std::vector<TensorSource> HfSources(const std::vector<at::Tensor>& weights) const;

 private:
  at::Tensor Add(const std::string& name, const std::vector<int64_t>& shape,
                 const at::TensorOptions& options);
  LlamaBlock MakeBlock(int64_t layer);
  void AddHf(const std::string& hf_name, int64_t row = 0, int64_t rows = -1);
  /// Block `layer` on the residual stream and its norm: the next stream and its norm.
  std::vector<at::Tensor> Block(size_t layer, const at::Tensor& residual_ND,
                                const at::Tensor& normed_ND, const at::Tensor& positions_N,
                                Attender& attender, std::optional<uint64_t> dropout_seed) const;
  at::Tensor Attention(const LlamaBlock& block, int64_t layer, const at::Tensor& normed_ND,
                       const at::Tensor& positions_N, Attender& attender,
                       std::optional<uint64_t> dropout_seed) const;
  at::Tensor Embed(const at::Tensor& tokens_N) const;
  AdaptedMatrix& MatrixOf(const std::string& parameter);

  LlamaConfig config_;
  at::TensorOptions options_;
  at::TensorOptions matrix_options_;
  Recomputed recomputed_ = Recomputed::kNone;
  std::vector<Parameter> parameters_;
  /// How the parameters are named in a Hugging Face folder, in the order of HfTensors(config).
  std::vector<HfSlice> hf_slices_;
  at::Tensor embedding_VD_;
  std::vector<LlamaBlock> blocks_;
  at::Tensor final_norm_D_;
  at::Tensor head_VD_;  // undefined when tied
  RopeTable rope_;
  std::vector<Parameter> lora_parameters_;
  std::vector<HfSlice> adapted_;
  at::Tensor trained_embedding_row_;  // undefined unless AddLora trains one
  at::Tensor trained_head_row_;
  int64_t trained_row_ = -1;
};

}  // namespace meap
