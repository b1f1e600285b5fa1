#include "train/pretrain_objective.h"

#include <array>
#include <string_view>

#include "core/error.h"

namespace meap {
namespace {

bool StartsWord(std::string_view token) {
  // A space, SentencePiece's and ByteLevel's sign for one, line break and tab, ByteLevel's for
  // them, and SentencePiece's bytes for them.
  constexpr std::array<std::string_view, 9> kStarts = {" ",      "\u2581", "\u0120", "\n",    "\t",
                                                       "\u010A", "\u0109", "<0x0A>", "<0x09>"};
  for (const std::string_view start : kStarts) {
    if (token.starts_with(start)) return true;
  }
  return false;
}

MaskPolicy ReadPolicy(const MaskOptions& options) {
  MaskPolicy policy;
  policy.reference = options.policy == "reference";
  if (options.count == "bernoulli") policy.count = MaskPolicy::Count::kBernoulli;
  if (options.scope == "step") policy.scope = MaskPolicy::Scope::kStep;
  if (options.unit == "word") policy.unit = MaskPolicy::Unit::kWord;
  if (options.unit == "span") policy.unit = MaskPolicy::Unit::kSpan;
  // Only a policy of spans has a mean: the others stay equal to the default, whatever it is.
  if (options.unit == "span") policy.span_mean = options.span_mean;
  policy.replace_random = options.replace_random;
  policy.replace_keep = options.replace_keep;
  policy.protect_special = options.protect_special;
  return policy;
}

MaskRatioSchedule ReadSchedule(const MaskOptions& options, int64_t steps) {
  MaskRatioSchedule schedule{.end = options.ratio_end, .steps = steps};
  if (options.schedule == "linear") schedule.shape = MaskRatioSchedule::Shape::kLinear;
  if (options.schedule == "cosine") schedule.shape = MaskRatioSchedule::Shape::kCosine;
  return schedule;
}

}  // namespace

TokenTraits ReadTokenTraits(const Tokenizer& tokenizer) {
  const int32_t size = tokenizer.VocabSize();
  TokenTraits traits{.starts_word = std::vector<bool>(size), .special = std::vector<bool>(size)};
  for (int32_t id = 0; id < size; ++id) {
    const auto token = tokenizer.IdToToken(id);
    if (!token) continue;
    traits.special[id] = tokenizer.IsSpecial(id);
    traits.starts_word[id] = StartsWord(*token);
    if (!traits.special[id]) traits.ordinary.push_back(id);
  }
  return traits;
}

PretrainObjective MakeObjective(const Recipe& recipe, const Tokenizer& tokenizer, int32_t mask_id,
                                int64_t steps) {
  const MaskOptions& mask = recipe.objective.mask;
  if (mask.policy == "reference" && recipe.data.sequence_length < 2) {
    throw InputError({.what = "the reference masks never take the last input, and there is one",
                      .where = "data.sequence_length",
                      .expected = "at least 2",
                      .got = std::to_string(recipe.data.sequence_length)});
  }
  auto traits = std::make_shared<TokenTraits>(ReadTokenTraits(tokenizer));
  if (mask.replace_random > 0 && traits->ordinary.empty()) {
    throw InputError({.what = "the tokenizer has special tokens only",
                      .where = "tokenizer " + recipe.tokenizer,
                      .hint = "set objective.mask.replace_random to 0"});
  }
  return {.mask_ratio = recipe.objective.mask_ratio,
          .mask_id = mask_id,
          .seed = static_cast<uint64_t>(recipe.train.seed),
          .policy = ReadPolicy(mask),
          .schedule = ReadSchedule(mask, steps),
          .traits = std::move(traits)};
}

}  // namespace meap
