// Multi-needle reasoning (M-RS of NeedleBench): facts scattered over essays that a question joins.
// Version 1 takes the facts from a reading-comprehension corpus, version 2 invents family
// relations.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evaltext/generation_task.h"

namespace meap {

/// Share of the haystack between one needle and the next, in per cent.
inline constexpr int kNeedleGapPercent = 10;

/// The haystack with the needles in it, and the token index at which each came to stand.
struct ScatteredContext {
  std::vector<int32_t> tokens;
  std::vector<size_t> needles_at;
};

/// Puts the needles in order into the haystack, the first at `depth_percent` and each next one
/// `gap_percent` of the haystack further. As in the reference the length of earlier needles is
/// counted twice, and no point snaps to a sentence's end.
ScatteredContext ScatterNeedles(std::span<const int32_t> haystack,
                                std::span<const std::vector<int32_t>> needles, int depth_percent,
                                int gap_percent);

/// Order of the essays for repeat `repeat`: CPython's random.shuffle after seeding with it.
std::vector<size_t> EssayOrder(size_t essays, uint32_t repeat);
/// random.choice among `count` items after seeding with `repeat`.
size_t PickItem(size_t count, uint32_t repeat);

/// A question whose answer needs all the facts.
struct Puzzle {
  std::string id;
  std::vector<std::string> facts;  // one needle each, without line breaks
  std::string question;
  std::string answer;
};

/// A version 2 puzzle of `facts` relations among names drawn for `repeat`.
Puzzle FamilyPuzzle(const std::vector<std::string>& names, size_t facts, uint32_t repeat);

/// Prompts around a context.
std::string NeedleBenchPrompt(std::string_view context, std::string_view question);
/// `person`: the name the question asks about.
std::string NeedleBenchV2Prompt(std::string_view context, std::string_view question,
                                std::string_view person);

/// The essays as tokens, and the haystack of `length` with a puzzle's facts in it.
class NeedleBenchContext {
 public:
  /// `essays` in ascending order of their file names; `codec` must outlive the object.
  NeedleBenchContext(const std::vector<std::string>& essays, const TokenCodec& codec);

  /// The context as text. `buffer` of `length` tokens stays free.
  std::string Build(const Puzzle& puzzle, uint32_t repeat, int64_t length, int64_t buffer,
                    int depth_percent) const;

 private:
  const TokenCodec& codec_;
  std::vector<std::vector<int32_t>> essays_;
};

/// What an M-RS task is made of.
struct NeedleBenchOptions {
  bool family = false;  // version 2
  std::vector<int> lengths = {1000, 2000, 3000, 4000};
  int64_t buffer = 600;
  std::vector<int> depths = {0,  5,  10, 15, 21, 26, 31, 36, 42, 47,
                             52, 57, 63, 68, 73, 78, 84, 89, 94, 100};
  std::vector<size_t> needles = {2, 3, 4, 5};
  uint32_t repeats = 10;
};
std::unique_ptr<GenerationTask> MakeNeedleBenchTask(const NeedleBenchOptions& options);

}  // namespace meap
