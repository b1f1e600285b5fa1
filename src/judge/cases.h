// What the judges are asked about: summaries of an evaluation, and summaries that people have
// judged.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "compare/runs.h"

namespace meap {

/// Prompts for the judges, each once however many summaries share it.
class PromptSet {
 public:
  /// Index of the prompt about a summary.
  size_t Add(const std::string& document, const std::string& reference, const std::string& summary);
  const std::vector<std::string>& prompts() const { return prompts_; }

 private:
  std::vector<std::string> prompts_;
  std::unordered_map<std::string, size_t> indices_;
};

/// A summary of an evaluation.
struct SummaryCase {
  size_t run = 0;  // indices into the runs and their samples
  size_t sample = 0;
  std::optional<size_t> prompt;  // nothing for an empty summary, which is no question for a judge
};

/// Which summaries are judged.
struct CaseOptions {
  std::vector<std::string> tasks = {};  // empty: all that have summaries
  size_t limit = 0;                     // samples of each run and task at most; 0: all
};

/// The summaries in the runs' samples: those with `source` and `response`. InputError when there is
/// none, or none of a task that was named.
std::vector<SummaryCase> CollectCases(const std::vector<EvalRun>& runs, const CaseOptions& options,
                                      PromptSet& prompts);

/// A summary with the verdict of people.
struct LabelledCase {
  std::string document;
  std::string summary;
  bool consistent = false;  // people found nothing in it that the document does not support
  size_t prompt = 0;
};

/// Reads a calibration file (or the one in a folder): JSON Lines with `document`, `sentences` (each
/// with a `sentence`) and `consistent` (0 or 1), as `hallucination_calibration` has them.
std::vector<LabelledCase> ReadLabelledCases(const fs::path& path, PromptSet& prompts);

}  // namespace meap
