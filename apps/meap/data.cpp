#include "data_commands.h"

namespace meap {

void AddDataCommand(CLI::App& root) {
  CLI::App* data = root.add_subcommand("data", "Prepare, make, look at and check training data");
  data->require_subcommand(1);
  AddDataPrepareCommand(*data);
  AddDataSynthCommand(*data);
  AddDataInspectCommand(*data);
  AddDataVerifyCommand(*data);
}

}  // namespace meap
