// The embedded corpus: short English stories that state facts early and ask for them later, made
// from a seed. A small model can learn to look facts up from it in minutes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/files.h"

namespace meap {

/// What the stories are like.
struct SynthOptions {
  uint64_t seed = 0;
  int facts = 4;          // facts in a story, at most; 1 to kMaxSynthFacts
  int min_facts = 0;      // at least; 0: as many as `facts`. Each number is as likely
  int filler = 6;         // sentences that say nothing of the facts, >= 0
  int repeats = 2;        // a fact is stated 1 to `repeats` times before it is asked for
  bool sentences = true;  // answers repeat the question's words; false: the value alone
};
inline constexpr int kMaxSynthFacts = 12;

/// Story `index` of a seed: prose, then one question and answer for each fact. A pure function.
std::string SynthDocument(const SynthOptions& options, uint64_t index);

/// A held-out test of looking up: a story of the same kind, never one of SynthDocument's, that
/// stops after the prose. A model is asked `context` + `question` and continues with " " + answer.
struct SynthProbe {
  std::string context;               // prose, ends with a line break
  std::string question;              // "Question: ...?\nAnswer:"
  std::string answer;                // one word or number
  std::vector<std::string> choices;  // four, the answer among them; others from the story first
  double depth = 0;                  // where in the context the fact was last stated, 0 to 1
  int facts = 0;
};
SynthProbe MakeSynthProbe(const SynthOptions& options, uint64_t index);

/// What writing came to.
struct SynthSummary {
  uint64_t documents = 0;
  uint64_t bytes = 0;
};

/// Writes `count` stories (probes) as JSON Lines: {"text"} ({"context", "question", "answer",
/// "choices", "depth", "facts"}, depth in per cent, rounded down to a quarter). The bytes do not
/// depend on `threads`. A path that does not end in .jsonl, or options out of range: InputError.
SynthSummary WriteSynthDocuments(const fs::path& path, uint64_t count, const SynthOptions& options,
                                 int threads);
SynthSummary WriteSynthProbes(const fs::path& path, uint64_t count, const SynthOptions& options,
                              int threads);

}  // namespace meap
