// What differs between evaluations, and how sure that is.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compare/runs.h"
#include "evaltext/statistics.h"

namespace meap {

/// How the statistics are made.
struct CompareOptions {
  int resamples = 10000;     // of the bootstrap and of the sign-flip test
  double confidence = 0.95;  // of intervals
  uint64_t seed = 0;
};

/// A run's score on a metric.
struct RunScore {
  double mean = 0;
  std::optional<double> stderr_of_mean = {};
  size_t n = 0;
  bool operator==(const RunScore&) const = default;
};

/// A run's score minus the first run's.
struct ScoreDifference {
  double value = 0;
  std::optional<Interval> interval = {};
  /// Over samples that both runs have; false: no samples, so the interval is that of two
  /// independent means with these standard errors, nothing where one has none, and there is no
  /// test.
  bool paired = false;
  size_t pairs = 0;
  std::optional<McNemar> mcnemar = {};  // for scores of 0 and 1
  std::optional<double> p = {};         // McNemar's, else that of the sign-flip test
};

/// One metric of one task: a score and a difference for each run, nothing where a run lacks it (or
/// has skipped every item); the first run's difference is nothing.
struct MetricRow {
  std::string task;
  std::string metric;
  std::vector<std::optional<RunScore>> scores = {};
  std::vector<std::optional<ScoreDifference>> differences = {};
};

/// One position (of the gold document, of the wanted key): scores, and the change relative to the
/// first run in per cent, nothing where the first run scores 0.
struct PositionCell {
  nlohmann::ordered_json position;
  std::vector<std::optional<RunScore>> scores = {};
  std::vector<std::optional<double>> relative_change = {};
  std::vector<std::optional<ScoreDifference>> differences = {};
};
struct PositionTable {
  std::string task;
  std::string metric;
  std::vector<PositionCell> cells = {};
};

/// Scores of one run over depths (rows) and another field, mostly the length (columns), on the
/// task's first metric; nothing where no item was scored.
struct HeatMap {
  std::string task;
  std::string metric;
  std::string run;
  double full = 1;         // the best possible score
  std::string field = {};  // what the columns are: "length" in tokens, "facts", ...
  std::vector<double> columns = {};
  std::vector<double> depths = {};
  std::vector<std::vector<std::optional<double>>> values = {};  // [depth][column]
};

/// All of it; the first run is what the others are compared with.
struct Comparison {
  CompareOptions options;
  std::vector<EvalRun> runs = {};
  std::vector<MetricRow> rows = {};
  std::vector<PositionTable> positions = {};
  std::vector<HeatMap> heat_maps = {};
  std::vector<std::string> notes = {};  // what makes the comparison less than fair
};

/// Compares runs over every task and metric that any of them has. Several runs, none of which has a
/// task in common with the first: InputError.
Comparison Compare(std::vector<EvalRun> runs, const CompareOptions& options);

}  // namespace meap
