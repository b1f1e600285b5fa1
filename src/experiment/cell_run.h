// One cell's work: training, then each evaluation, as child processes of this very program. Every
// stage leaves a file when it is done, so that a stopped cell goes on where it was.
#pragma once

#include <functional>

#include "core/error.h"
#include "experiment/cells.h"

namespace meap {

/// Where a cell keeps what it makes: OUTPUT/cells/HASH.
struct CellFiles {
  fs::path folder;

  CellFiles(const ExperimentFile& file, const Cell& cell)
      : folder(fs::path(file.output) / "cells" / cell.hash) {}
  fs::path run() const { return folder / "run"; }              // the run folder
  fs::path log() const { return folder / "log.txt"; }          // stderr of all stages
  fs::path training() const { return folder / "train.json"; }  // its summary, once trained
  /// Result of an evaluation, named by its command line, and its samples where it has some.
  fs::path result(const std::vector<std::string>& words) const;
  fs::path samples(const std::vector<std::string>& words) const;
};

/// True when every stage is done.
bool IsFinished(const ExperimentFile& file, const Cell& cell);

/// Runs what is not done yet. Returns kDone, or 130 or 143 when it was stopped. A stage that fails
/// is an error with the end of its log: an InputError when the stage said so.
ExitCode RunCell(const ExperimentFile& file, const Cell& cell, int threads);

/// Runs the commands of `prepare` from the first one that is not done, or was done with another
/// command at its place or before it: what follows may stand on what it made.
ExitCode Prepare(const ExperimentFile& file, int threads);

/// Refuses the words of a meap command that cannot run, without running it: an InputError.
using CommandCheck = std::function<void(const std::vector<std::string>& words)>;

/// Checks the commands of `prepare` and `evaluate` as they would be run for this cell.
void CheckCommands(const ExperimentFile& file, const Cell& cell, const CommandCheck& check);

/// Steps the cell's training has done, by its metrics file; 0 before the first.
int64_t StepsDone(const CellFiles& files);

}  // namespace meap
