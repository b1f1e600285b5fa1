// Evaluations to compare: results.json files with the samples behind them.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "evaltext/samples.h"

namespace meap {

/// One model's evaluation, as a results file has it.
struct EvalRun {
  std::string name;  // as the file has it; different for each run of a comparison
  fs::path file;
  nlohmann::ordered_json object;    // model, results, n, settings, ...
  std::vector<EvalSample> samples;  // of all tasks; empty without a samples file
};

/// What a results file of those runs (EvalRun::object) holds: one run as it is; several under
/// `runs`, and beside it the first one's keys, for readers of one run.
nlohmann::ordered_json ResultsDocument(const nlohmann::ordered_json& runs);

/// Reads results files, each with one run or several, and their samples where they are named. A
/// file that is no results file, or a samples file that is named and missing, is an InputError.
std::vector<EvalRun> ReadRuns(std::span<const fs::path> files);

/// A setting that two runs have with different values.
struct DifferentSetting {
  std::string name;
  nlohmann::ordered_json first;
  nlohmann::ordered_json other;
};

/// All of them, but for those that change no score. Those of a task count where both ran it.
std::vector<DifferentSetting> DifferingSettings(const EvalRun& first, const EvalRun& other);

/// Adds a number to a name that an earlier run has.
void MakeNamesDifferent(std::vector<EvalRun>& runs);

}  // namespace meap
