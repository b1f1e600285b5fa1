// `meap experiment`: a grid of runs, each once, then tables.
#pragma once

#include <string>

#include "core/error.h"
#include "experiment/summary.h"

namespace meap {

struct ExperimentOptions {
  int jobs = 1;     // cells at a time
  int threads = 1;  // CPU threads in all, shared by the jobs
  bool dry_run = false;
  CommandCheck check_command;  // for the commands of the file, before anything runs
};

/// How an experiment ended.
struct ExperimentOutcome {
  std::string text;                      // tables, or the list of cells of a dry run
  ExitCode exit_code = ExitCode::kDone;  // 1: cells failed; 130, 143: stopped
};

/// Checks the file as a whole, prepares, runs every cell that is not finished and writes
/// OUTPUT/experiment.json and experiment.md over those that are. A cell that fails does not stop
/// the others, unless it says that its input is wrong: then the others would too. Two processes on
/// one output: the second waits a little for the first one's children, then is an InputError.
ExperimentOutcome RunExperiment(const ExperimentFile& file, const ExperimentOptions& options);

}  // namespace meap
