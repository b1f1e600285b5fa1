#include "commands.h"

namespace meap {

void AddDataCommand(CLI::App& root) { root.add_subcommand("data", "Training data"); }

}  // namespace meap
