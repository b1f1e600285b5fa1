// Needle in a haystack (Kamradt, LLMTest_NeedleInAHaystack): a sentence hidden in essays at a
// depth, and a question about it, over a grid of lengths and depths.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evaltext/generation_task.h"

namespace meap {

/// Tokens of the prompt's length that the reference keeps for instruction and answer.
inline constexpr int64_t kNeedleBufferTokens = 200;

/// A sentence to hide, the question it answers, and what a right answer holds.
struct Needle {
  std::string text;  // with its line breaks
  std::string question;
  std::string opening;  // what the completion prompt ends with
  std::string phrase;   // normalised; `hit` looks for it
  std::vector<std::string> keywords;
};

/// The reference's needle first, then ours with other places and things.
const std::vector<Needle>& Needles();

/// A haystack of tokens with the needle in it, and where it came to stand.
struct NeedleContext {
  std::vector<int32_t> tokens;
  size_t needle_at = 0;  // token index
};

/// Cuts the haystack so that it and the needle leave `buffer` of `length` tokens free, and puts the
/// needle at `depth_percent`: after the nearest full stop before that point, or at the start when
/// there is none; at 100 at the end.
NeedleContext InsertNeedle(std::span<const int32_t> haystack, std::span<const int32_t> needle,
                           const std::vector<int32_t>& full_stops, int64_t length, int64_t buffer,
                           int depth_percent);

/// Scores of a response: hit, keywords, rouge1 (0 to 10).
Metrics ScoreNeedle(const Needle& needle, std::string_view response);

/// `count` numbers evenly spaced from `first` to `last`, rounded to the nearest integer, ties to
/// even.
std::vector<int> EvenlySpaced(double first, double last, size_t count);

/// What a needle task is made of.
struct NeedleOptions {
  /// Empty: eighths of the model's context.
  std::vector<int> lengths = {};
  std::vector<int> depths = {0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100};
  size_t needles = 1;
  /// The prompt ends with the needle's opening words instead of the question, for tuned models too.
  bool completion = false;
};
std::unique_ptr<GenerationTask> MakeNeedleTask(const NeedleOptions& options);

}  // namespace meap
