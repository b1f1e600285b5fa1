// What a training run will take before it takes it: memory by purpose, and arithmetic.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/hf_config.h"
#include "model/llama.h"

namespace meap {

/// What memory depends on.
struct TrainShape {
  LlamaConfig config;
  int64_t sequence_length = 0;      // T
  int64_t batch_rows = 0;           // rows in an optimizer step
  int64_t micro_rows = 0;           // rows in one forward pass
  int64_t trained_parameters = -1;  // numbers that the optimizer changes; -1: the whole model
  int64_t adapter_width = 0;        // numbers between A and B of all of a block's adapters
  bool frozen_head = false;         // no gradient of the output head is ever made
  bool narrow = false;              // computes in 16 bits, with f32 masters
  bool checkpoint_copy = false;     // checkpoints are written from a copy
  Recomputed recomputed = Recomputed::kNone;
};

/// Bytes at the time of a step when all together are the most.
struct MemoryUse {
  std::string purpose;  // "weights", "activations", ...
  double bytes = 0;
  bool on_host = false;  // stays there when the model is on a GPU
};

/// By purpose; what the program takes before it has a model is not part of it.
std::vector<MemoryUse> ForecastMemory(const TrainShape& shape);
double TotalBytes(const std::vector<MemoryUse>& uses);

/// Parameters of the model, and of them those in matrix products (the head included, tied or not,
/// the input embedding not).
int64_t CountParameters(const LlamaConfig& config);
int64_t CountMatrixParameters(const LlamaConfig& config);

/// Floating-point operations of training on one token of a row of T: 6 x parameters in matrix
/// products + 6 x layers x heads x head_dim x T (causal attention). Forward 2, backward 4.
double TrainFlopsPerToken(const LlamaConfig& config, int64_t sequence_length);

}  // namespace meap
