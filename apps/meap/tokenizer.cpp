#include "commands.h"

namespace meap {

void AddTokenizerCommand(CLI::App& root) { root.add_subcommand("tokenizer", "Tokenizers"); }

}  // namespace meap
