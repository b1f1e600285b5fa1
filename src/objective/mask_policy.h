// Departures from the paper's masks (mask.h), for ablations: other counts, scopes, units,
// replacements, and the lists of the authors' released code.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "objective/mask.h"

namespace meap {

/// How masks are chosen and what the chosen inputs become. The default is the paper.
struct MaskPolicy {
  enum class Count {
    kFixed,     // exactly floor(P*T)
    kBernoulli  // Binomial(T, P): as many as a coin of odds P for each token would give
  };
  enum class Scope {
    kRow,  // a draw for every sequence
    kStep  // one list for every row of an optimizer step
  };
  enum class Unit { kToken, kWord, kSpan };

  bool reference = false;  // the authors' lists; only the shares below count besides
  Count count = Count::kFixed;
  Scope scope = Scope::kRow;
  Unit unit = Unit::kToken;
  double span_mean = 3;          // mean span length, >= 1
  double replace_random = 0;     // share of the chosen inputs that become a random ordinary token
  double replace_keep = 0;       // share that stays as it is; the rest becomes [MASK]
  bool protect_special = false;  // never choose special tokens; the count is capped by what is left

  bool operator==(const MaskPolicy&) const = default;
};

/// What the policies must know of the vocabulary; every vector may stay empty where no policy needs
/// it. Ids beyond a bitmap have the property not.
struct TokenTraits {
  std::vector<bool> starts_word = {};  // by id: a new word begins with this token
  std::vector<bool> special = {};      // by id
  std::vector<int32_t> ordinary = {};  // the ids that a random replacement is drawn from

  bool StartsWord(int32_t id) const { return Holds(starts_word, id); }
  bool IsSpecial(int32_t id) const { return Holds(special, id); }

 private:
  static bool Holds(const std::vector<bool>& bitmap, int32_t id) {
    return static_cast<size_t>(id) < bitmap.size() && bitmap[id];
  }
};

/// The position list of the authors' code for T = `length` >= 2 inputs at optimizer step `step`
/// (from 1), in their order: random.seed(50 + i % 51), then random.sample(range(0, T - 1),
/// max(1, int(T * P))), with i the iteration counter from 0, that is step - 1.
std::vector<int32_t> ReferenceMaskPositions(double ratio, int64_t length, int64_t step);

/// Positions of `inputs` chosen by the policy, ascending and distinct: a pure function of its
/// arguments. `step` (from 1) matters to Scope::kStep and the reference only. Words and protected
/// tokens need Scope::kRow. With ratio 0 none.
std::vector<int32_t> ChooseMaskPositions(const MaskPolicy& policy, const TokenTraits& traits,
                                         double ratio, const SampleKey& key, int64_t step,
                                         std::span<const int32_t> inputs);

/// Chooses positions of `inputs` and replaces them by [MASK], a random token or themselves, by the
/// policy's shares and each on its own; returns the positions. The default policy is MaskInputs().
std::vector<int32_t> ApplyMaskPolicy(const MaskPolicy& policy, const TokenTraits& traits,
                                     double ratio, int32_t mask_id, const SampleKey& key,
                                     int64_t step, std::span<int32_t> inputs);

}  // namespace meap
