// The subcommands of `meap data`, one file each.
#pragma once

#include "commands.h"

namespace meap {

void AddDataPrepareCommand(CLI::App& data);
void AddDataSynthCommand(CLI::App& data);
void AddDataInspectCommand(CLI::App& data);
void AddDataVerifyCommand(CLI::App& data);

}  // namespace meap
