#include "experiment/experiment.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <set>
#include <thread>

#include "core/console.h"
#include "core/folder_lock.h"
#include "core/signals.h"
#include "experiment/baseline.h"

namespace meap {
namespace {

using std::chrono::milliseconds;

/// Waits for an experiment's folder. Children hold it too: also after a kill of this process it is
/// free only when the last one has ended.
void TakeFolder(FolderLock& lock, const std::string& folder) {
  constexpr int kTries = 300;  // 30 seconds: enough for a child to save its state and end
  for (int i = 0; !lock.Take(); ++i) {
    if (i == 0) Note("waiting for an earlier run of this experiment to end");
    if (i == kTries || SignalGuard::Requested()) {
      throw InputError({.what = "another run works on this experiment",
                        .where = folder,
                        .hint = "wait for it, or give this one another --output"});
    }
    std::this_thread::sleep_for(milliseconds(100));
  }
}

/// The cells that are still to be run, on some threads; the caller's draws the progress.
class Grid {
 public:
  Grid(const ExperimentFile& file, const std::vector<Cell>& cells, const ExperimentOptions& options)
      : file_(file), options_(options) {
    for (const Cell& cell : cells) {
      if (!IsFinished(file, cell)) todo_.push_back(&cell);
    }
    if (todo_.size() < cells.size()) {
      Note(fmt::format("{} of {} cells are finished already", cells.size() - todo_.size(),
                       cells.size()));
    }
  }

  ExitCode Run() {
    if (todo_.empty()) return ExitCode::kDone;
    const auto jobs = std::min(static_cast<size_t>(options_.jobs), todo_.size());
    {
      ProgressBar bar("experiment", todo_.size(), "cells");
      std::vector<std::jthread> workers;
      working_ = jobs;
      for (size_t i = 0; i < jobs; ++i) workers.emplace_back([this] { Work(); });
      while (working_ > 0) {
        bar.Update(done_, Detail());
        std::this_thread::sleep_for(milliseconds(100));
      }
      bar.Update(done_, Detail());
    }
    if (wrong_input_) std::rethrow_exception(wrong_input_);
    for (const std::string& failure : failures_) Warn(failure);
    if (const auto signal = SignalGuard::Requested()) {
      Note("stopped; the same command goes on from here");
      return *signal;
    }
    return failures_.empty() ? ExitCode::kDone : ExitCode::kFailed;
  }

 private:
  void Work() {
    for (size_t i = next_++; i < todo_.size() && !stop_; i = next_++) {
      SetRunning(*todo_[i], true);
      WorkOn(*todo_[i]);
      SetRunning(*todo_[i], false);
    }
    --working_;
  }

  void WorkOn(const Cell& cell) {
    const int threads = std::max(1, options_.threads / options_.jobs);
    try {
      if (RunCell(file_, cell, threads) == ExitCode::kDone) {
        ++done_;
      } else {
        stop_ = true;
      }
    } catch (const InputError&) {
      const std::lock_guard lock(mutex_);
      wrong_input_ = std::current_exception();
      stop_ = true;
    } catch (const std::exception& error) {
      const std::lock_guard lock(mutex_);
      failures_.push_back(cell.Name(true) + ": " + error.what());
    }
  }

  void SetRunning(const Cell& cell, bool runs) {
    const std::lock_guard lock(mutex_);
    if (runs) {
      running_.insert(&cell);
    } else {
      running_.erase(&cell);
    }
  }

  /// "objective.mask_ratio 0.15, train.seed 1: step 300".
  std::string Detail() {
    const std::lock_guard lock(mutex_);
    std::string detail;
    for (const Cell* cell : running_) {
      const int64_t step = StepsDone(CellFiles(file_, *cell));
      detail += fmt::format("{}{}: step {}", detail.empty() ? "" : "  |  ", cell->Name(true), step);
    }
    return detail;
  }

  const ExperimentFile& file_;
  const ExperimentOptions& options_;
  std::vector<const Cell*> todo_;
  std::atomic<size_t> next_ = 0;
  std::atomic<size_t> done_ = 0;
  std::atomic<size_t> working_ = 0;  // workers that have not ended
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::set<const Cell*> running_;
  std::vector<std::string> failures_;
  std::exception_ptr wrong_input_;
};

std::string ListCells(const ExperimentFile& file, const std::vector<Cell>& cells) {
  TextTable table{.title = fmt::format("{} cells in {}", cells.size(), file.output),
                  .header = {"cell", "folder", "state", "baseline"}};
  for (const Cell& cell : cells) {
    const int64_t steps = StepsDone(CellFiles(file, cell));
    const std::string begun = steps > 0 ? fmt::format("step {}", steps) : "to do";
    table.rows.push_back({cell.Name(true), "cells/" + cell.hash,
                          IsFinished(file, cell) ? "finished" : begun,
                          cell.baseline_name.empty() ? "-" : cell.baseline_name});
  }
  return AlignedText(table);
}

/// Tables over the cells that are finished, into files and as text.
std::string Report(const ExperimentFile& file, const std::vector<Cell>& cells) {
  std::vector<CellResult> results;
  for (const Cell& cell : cells) {
    if (IsFinished(file, cell)) results.push_back(ReadCell(file, cell));
  }
  if (results.empty()) return "no cell is finished\n";
  const ExperimentSummary summary = Summarize(results);
  const fs::path output = file.output;
  WriteFileAtomically(output / "experiment.json",
                      SummaryJson(file, summary).dump(1, ' ', true) + "\n");
  WriteFileAtomically(output / "experiment.md", SummaryMarkdown(file, summary));
  std::string text;
  for (const TextTable& table : SummaryTables(file, summary)) text += AlignedText(table) + "\n";
  return text + fmt::format("{} of {} cells; experiment.json and experiment.md in {}\n",
                            results.size(), cells.size(), file.output);
}

}  // namespace

ExperimentOutcome RunExperiment(const ExperimentFile& file, const ExperimentOptions& options) {
  std::vector<Cell> cells = ExpandCells(file);
  PairWithBaselines(file, cells);
  CheckCommands(file, cells.front(), options.check_command);
  if (options.dry_run) return {ListCells(file, cells)};
  MakeOutputDirectory(file.output, "output");
  const SignalGuard signals;
  FolderLock lock(file.output, FolderLock::Children::kHold);
  TakeFolder(lock, file.output);
  const ExitCode prepared = Prepare(file, options.threads);
  if (prepared != ExitCode::kDone) return {"", prepared};
  ExperimentOutcome outcome;
  outcome.exit_code = Grid(file, cells, options).Run();
  outcome.text = Report(file, cells);
  return outcome;
}

}  // namespace meap
