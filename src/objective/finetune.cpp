#include "objective/finetune.h"

#include <algorithm>

#include "core/error.h"
#include "objective/rows.h"

namespace meap {
namespace {

using Layout = FinetuneObjective::Layout;

/// Begin and end (without its end token) of the last answer among the first `tokens`.
struct AnswerRange {
  int64_t begin = 0;
  int64_t end = 0;
};

AnswerRange LastAnswer(const TaggedTokens& sample, int64_t tokens) {
  int64_t end = tokens;
  while (end > 0 && sample.roles[end - 1] != TokenRole::kAnswer) --end;
  int64_t begin = end;
  while (begin > 0 && sample.roles[begin - 1] == TokenRole::kAnswer) --begin;
  return {begin, end};
}

/// U_q: answers and what ends them, of every turn.
bool IsLearnt(TokenRole role) { return role == TokenRole::kAnswer || role == TokenRole::kEnd; }

/// Tokens of S that its copy goes without.
int64_t CopyBegin(const FinetuneObjective& objective, const TaggedTokens& sample) {
  const bool has_bos = !sample.ids.empty() && sample.ids.front() == objective.bos_id;
  return objective.layout == Layout::kConcat && has_bos ? 1 : 0;
}

/// The tokens of S that may be masked in its copy, ascending. The first token of a copy that stands
/// alone is never one: nothing predicts it.
std::vector<int64_t> EligibleTokens(const FinetuneObjective& objective, const TaggedTokens& sample,
                                    int64_t tokens) {
  const bool answer_only = objective.mask_span == FinetuneObjective::MaskSpan::kAnswer;
  const AnswerRange answer = answer_only ? LastAnswer(sample, tokens) : AnswerRange{0, tokens};
  const int64_t first =
      objective.layout == Layout::kConcat ? CopyBegin(objective, sample) : int64_t{1};
  std::vector<int64_t> eligible;
  for (int64_t i = std::max(first, answer.begin); i < answer.end; ++i) {
    if (sample.special[i] == 0) eligible.push_back(i);
  }
  return eligible;
}

/// How many of `eligible` tokens are masked. The authors' code takes the share of the whole answer,
/// the others that of what may be masked.
int64_t MaskNumber(const FinetuneObjective& objective, const TaggedTokens& sample, int64_t tokens,
                   int64_t eligible) {
  int64_t of = eligible;
  if (objective.layout == Layout::kSeparate &&
      objective.mask_span == FinetuneObjective::MaskSpan::kAnswer) {
    const AnswerRange answer = LastAnswer(sample, tokens);
    of = answer.end - answer.begin;
  }
  return std::min(eligible, std::max<int64_t>(1, MaskCount(objective.mask_ratio, of)));
}

void AppendOriginal(const TaggedTokens& sample, int64_t tokens, FinetuneSequence& out) {
  for (int64_t i = 0; i < tokens; ++i) {
    out.input_ids.push_back(sample.ids[i]);
    out.labels.push_back(i > 0 && IsLearnt(sample.roles[i]) ? sample.ids[i] : kNoLabel);
    out.positions.push_back(i);
    out.segments.push_back(0);
    out.masked.push_back(0);
  }
}

/// The masked copy behind what `out` holds (nothing, for a row of its own).
void AppendCopy(const FinetuneObjective& objective, const TaggedTokens& sample, int64_t tokens,
                const SampleKey& key, FinetuneSequence& out) {
  const auto before = static_cast<int64_t>(out.input_ids.size());
  const int64_t begin = CopyBegin(objective, sample);
  const bool runs_on = objective.layout == Layout::kConcat && !objective.restart_positions;
  const int64_t segment = objective.layout == Layout::kIsolated ? 1 : 0;
  for (int64_t i = begin; i < tokens; ++i) {
    out.input_ids.push_back(sample.ids[i]);
    out.labels.push_back(kNoLabel);
    out.positions.push_back(runs_on ? before + i - begin : i);
    out.segments.push_back(segment);
    out.masked.push_back(0);
  }
  const std::vector<int64_t> eligible = EligibleTokens(objective, sample, tokens);
  const auto size = static_cast<int64_t>(eligible.size());
  const int64_t count = MaskNumber(objective, sample, tokens, size);
  for (const int32_t drawn : DrawPositions(count, size, key)) {
    const int64_t at = before + eligible[drawn] - begin;
    out.labels[at] = out.input_ids[at];
    out.input_ids[at] = objective.mask_id;
    out.masked[at] = 1;
  }
}

}  // namespace

SamplePlan PlanSample(const FinetuneObjective& objective, const TaggedTokens& sample,
                      int64_t sequence_length, bool truncate) {
  const auto size = static_cast<int64_t>(sample.ids.size());
  MEAP_CHECK(sample.roles.size() == sample.ids.size() && sample.special.size() == sample.ids.size(),
             "a role and a flag for each token");
  SamplePlan plan{.tokens = size};
  if (size > sequence_length) {
    if (!truncate) return {};
    plan.tokens = sequence_length;
    plan.truncated = true;
  }
  bool has_label = false;
  for (int64_t i = 1; i < plan.tokens; ++i) has_label |= IsLearnt(sample.roles[i]);
  if (!has_label) return {};
  const AnswerRange answer = LastAnswer(sample, plan.tokens);
  const int64_t length = answer.end - answer.begin;
  if (!objective.duplicates || length <= objective.min_answer_tokens) return plan;
  if (EligibleTokens(objective, sample, plan.tokens).empty()) return plan;
  const bool fits = objective.layout == Layout::kSeparate ||
                    PartLength(objective, sample, plan, SamplePart::kPair) <= sequence_length;
  plan.form = fits ? SamplePlan::Form::kDoubled : SamplePlan::Form::kFellBack;
  return plan;
}

std::vector<SamplePart> PartsOf(const FinetuneObjective& objective, const SamplePlan& plan) {
  if (plan.tokens == 0) return {};
  if (plan.form != SamplePlan::Form::kDoubled) return {SamplePart::kOriginal};
  if (objective.layout != Layout::kSeparate) return {SamplePart::kPair};
  return {SamplePart::kOriginal, SamplePart::kCopy};
}

int64_t PartLength(const FinetuneObjective& objective, const TaggedTokens& sample,
                   const SamplePlan& plan, SamplePart part) {
  const int64_t copy = plan.tokens - CopyBegin(objective, sample);
  if (part == SamplePart::kPair) return plan.tokens + copy;
  return part == SamplePart::kCopy ? copy : plan.tokens;
}

FinetuneSequence LayOut(const FinetuneObjective& objective, const TaggedTokens& sample,
                        const SamplePlan& plan, SamplePart part, uint32_t epoch,
                        uint64_t sample_id) {
  const SampleKey key{objective.seed, objective.static_masks ? 0 : epoch, sample_id};
  FinetuneSequence sequence;
  if (part != SamplePart::kCopy) AppendOriginal(sample, plan.tokens, sequence);
  if (part != SamplePart::kOriginal) AppendCopy(objective, sample, plan.tokens, key, sequence);
  return sequence;
}

}  // namespace meap
