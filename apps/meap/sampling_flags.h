// What `generate` and `chat` have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "infer/sampling.h"

namespace meap {

/// Adds --max-new-tokens, --temperature, --top-k, --top-p and --repetition-penalty.
void AddSamplingFlags(CLI::App& command, SamplingOptions& sampling);

/// Adds --template.
void AddTemplateFlag(CLI::App& command, std::string& name);

/// Writes a piece of an answer to stdout at once.
bool WritePiece(const std::string& piece);

}  // namespace meap
