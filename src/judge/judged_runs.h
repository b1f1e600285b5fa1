// Verdicts into results: metrics of the samples, means of the tasks, and the files.
#pragma once

#include <string>
#include <vector>

#include "judge/cases.h"
#include "judge/opinions.h"
#include "judge/tally.h"

namespace meap {

/// How often a judge (or the majority) said what of a task's summaries.
struct VerdictCounts {
  std::string judge;
  size_t clean = 0;
  size_t hallucination = 0;
  size_t undecided = 0;
  /// Of the clean and the hallucination, those whose first reply had no verdict line.
  size_t repaired_clean = 0;
  size_t repaired_hallucination = 0;
  /// Over the summaries with a verdict; empty ones have none.
  MeanError clean_share = {};
};

/// Two judges on one task.
struct PairOfJudges {
  std::string first;
  std::string second;
  Agreement agreement;
};

/// All judges on one run's summaries of one task.
struct JudgedTask {
  std::string run;
  std::string task;
  size_t empty = 0;                        // summaries without a word, which no judge saw
  std::vector<VerdictCounts> counts = {};  // of each judge, then of the majority
  std::vector<PairOfJudges> pairs = {};
};

/// Refuses judges who would stand beside verdicts that another model gave under their name, on
/// tasks that are not judged now: an InputError.
void CheckEarlierJudges(const std::vector<Judge>& judges, const std::vector<SummaryCase>& cases,
                        const std::vector<EvalRun>& runs);

/// Puts the verdicts into the runs: `clean_JUDGE` and `clean_majority` (1 or 0; not there where the
/// verdict is undecided or the summary empty) and `verdicts` into the samples, means, counts and
/// settings into the runs' objects. What an earlier judging said of the same tasks is replaced.
/// Returns what to show.
std::vector<JudgedTask> ApplyVerdicts(const std::vector<Judge>& judges,
                                      const std::vector<SummaryCase>& cases,
                                      const Opinions& opinions, std::vector<EvalRun>& runs);

/// Writes the samples of all runs to one file, then the results that name it. One run is written as
/// an object, several as `runs`. `calibration` goes into each run unless it is null.
void WriteJudgedRuns(const std::vector<EvalRun>& runs, const nlohmann::ordered_json& calibration,
                     const fs::path& results, const fs::path& samples);

}  // namespace meap
