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

/// Loads tokenizer and weights of `folder` onto `device` ("auto", "cpu", "cuda:N") in `dtype` ("" =
/// f32 on the CPU, bf16 on a GPU). A tokenizer with more tokens than the model has rows is an
/// InputError. With `needs_mask` a tokenizer without [MASK] gets one, and the embedding a row for
/// it, the mean of the others: how training starts.
LoadedModel LoadModel(const fs::path& folder, const std::string& device, const std::string& dtype,
                      bool needs_mask = false);

}  // namespace meap
