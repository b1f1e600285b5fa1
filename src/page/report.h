// What a report is made from, and the report.
#pragma once

#include <string>
#include <vector>

#include "core/files.h"

namespace meap {

/// Where the parts of a report come from.
struct ReportInputs {
  std::vector<fs::path> training = {};     // run folders
  std::vector<fs::path> results = {};      // results.json of `meap eval` and `meap judge`
  std::vector<fs::path> attention = {};    // JSON of `meap attention`
  std::vector<fs::path> experiments = {};  // experiment.json of `meap experiment`
  std::vector<fs::path> awaited = {};      // named, and nothing there yet
};

/// Sorts what a user names: run folders, folders that hold run folders or files that a report can
/// show, and such files. A path with nothing to show is an InputError, unless the report `waits`:
/// then a folder without, or a path that is not there, is awaited.
ReportInputs FindReportInputs(const std::vector<fs::path>& paths, bool waits = false);

struct ReportOptions {
  std::string title = "Training report";
  fs::path plotly;    // plotly.min.js; empty: the one that is built in
  double reload = 0;  // seconds; 0: the page is finished
};

/// The page. Reads the inputs anew, so that it can be called again while a run is training.
std::string RenderReport(const ReportInputs& inputs, const ReportOptions& options);

/// True when nothing is awaited and no training run is under way.
bool AllEnded(const ReportInputs& inputs);

}  // namespace meap
