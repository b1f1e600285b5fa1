// `meap generate --input`: many prompts from a file.
#pragma once

#include <string>
#include <vector>

#include "core/files.h"
#include "infer/generate.h"

namespace meap {

/// Continues the "prompt" of every line of a JSON Lines file, up to `batch` at a time, and writes a
/// line {"text", "tokens", "finish"} for each to stdout, in order and as soon as it is known. A
/// line without a prompt, or with one that is longer than the model's context, is an InputError.
void GenerateLines(const LoadedModel& model, const fs::path& file, const SamplingOptions& sampling,
                   const std::vector<std::string>& stop, int64_t batch);

}  // namespace meap
