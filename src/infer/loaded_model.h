// A Hugging Face folder, ours or anybody's, ready to run.
#pragma once

#include <memory>
#include <string>

#include "model/llama.h"
#include "text/tokenizer.h"

namespace meap {

struct LoadedModel {
  Tokenizer tokenizer;
  Llama model;
  at::Device device;
};

struct LoadOptions {
  /// A tokenizer without [MASK] gets one, and the embedding a row for it, the mean of the others:
  /// how training starts.
  bool needs_mask = false;
  /// The blocks' matrices stay as narrow as they are stored and are widened to `dtype` when they
  /// are used: half the memory for a model stored in bf16 that runs in f32, at the price of a pass
  /// over the weights for every forward pass. The results are the same.
  bool keeps_narrow = false;
};

/// Loads tokenizer and weights of `folder` onto `device` ("auto", "cpu", "cuda:N") in `dtype` ("" =
/// f32 on the CPU, bf16 on a GPU). A tokenizer with more tokens than the model has rows is an
/// InputError.
LoadedModel LoadModel(const fs::path& folder, const std::string& device, const std::string& dtype,
                      const LoadOptions& options = {});

/// WorkError: the model gave infinite numbers, or none at all, where logits should be.
[[noreturn]] void ThrowNotFinite();

}  // namespace meap
