// Hallucination in summaries: prompts for XSum, Multi-News and WikiSum, the prompt of a judge, and
// what can be said without one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "evaltext/generation_task.h"

namespace meap {

/// A summarisation data set: all of DATA/FOLDER/*.jsonl[.gz|.zst] in order of their names, with
/// fields id, document, summary.
struct SummaryOptions {
  std::string folder;  // "xsum", "multi_news", "wikisum"
  /// One sentence (XSum's prompt, 64 tokens, cut at the first empty line) or a page (LongBench's
  /// Multi-News prompt, 512 tokens).
  bool one_sentence = false;
};
std::unique_ptr<GenerationTask> MakeSummaryTask(const SummaryOptions& options);

/// The judge's prompt about one summary (docs/results-format.md, `meap judge`).
std::string JudgePrompt(std::string_view document, std::string_view reference,
                        std::string_view summary);

/// What a judge's reply says of the summary.
enum class Verdict { kClean, kHallucination, kUndecided };

/// Reads the last line that is exactly `VERDICT: YES` or `VERDICT: NO` (white space at the ends
/// does not count); without one the verdict is undecided.
Verdict ParseVerdict(std::string_view reply);

}  // namespace meap
