// The parts of `meap tokenizer`.
#pragma once

#include <CLI/CLI.hpp>

namespace meap {

void AddTokenizerTrainCommand(CLI::App& tokenizer);

}  // namespace meap
