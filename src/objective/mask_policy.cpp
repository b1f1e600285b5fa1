#include "objective/mask_policy.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/philox.h"
#include "objective/mask_units.h"
#include "objective/python_random.h"

namespace meap {
namespace {

PhiloxStream PositionStream(MaskPolicy::Scope scope, const SampleKey& key, int64_t step) {
  return scope == MaskPolicy::Scope::kStep
             ? PhiloxStream(key.seed, random_stream::kMaskStep, 0, static_cast<uint64_t>(step))
             : PhiloxStream(key.seed, random_stream::kMask, key.epoch, key.sample);
}

std::vector<int32_t> EligiblePositions(const MaskPolicy& policy, const TokenTraits& traits,
                                       std::span<const int32_t> inputs) {
  std::vector<int32_t> eligible(inputs.size());
  std::iota(eligible.begin(), eligible.end(), 0);
  if (policy.protect_special) {
    std::erase_if(eligible, [&](int32_t t) { return traits.IsSpecial(inputs[t]); });
  }
  return eligible;
}

int64_t DrawCount(MaskPolicy::Count count, double ratio, int64_t length, PhiloxStream& random) {
  if (count == MaskPolicy::Count::kFixed) return MaskCount(ratio, length);
  int64_t heads = 0;
  for (int64_t t = 0; t < length; ++t) heads += random.Uniform() < ratio ? 1 : 0;
  return heads;
}

/// The order of `runs` shuffled, and positions taken run by run until there are `count`.
std::vector<int32_t> TakeRuns(std::vector<std::vector<int32_t>> runs, int64_t count,
                              PhiloxStream& random) {
  std::vector<int32_t> positions;
  for (size_t i = 0; static_cast<int64_t>(positions.size()) < count; ++i) {
    std::swap(runs[i], runs[i + random.Below(static_cast<uint32_t>(runs.size() - i))]);
    const auto missing = static_cast<size_t>(count) - positions.size();
    const auto end = runs[i].begin() + std::min(missing, runs[i].size());
    positions.insert(positions.end(), runs[i].begin(), end);
  }
  return positions;
}

std::vector<int32_t> TakeTokens(std::vector<int32_t> eligible, int64_t count,
                                PhiloxStream& random) {
  const auto size = static_cast<int64_t>(eligible.size());
  for (int64_t i = 0; i < count; ++i) {
    std::swap(eligible[i], eligible[i + random.Below(static_cast<uint32_t>(size - i))]);
  }
  eligible.resize(count);
  return eligible;
}

std::vector<int32_t> TakeSpans(const std::vector<int32_t>& eligible, int64_t count, double mean,
                               PhiloxStream& random) {
  std::vector<int32_t> positions;
  for (const TokenSpan& span :
       PlaceSpans(count, static_cast<int64_t>(eligible.size()), mean, random)) {
    const auto begin = eligible.begin() + span.begin;
    positions.insert(positions.end(), begin, begin + span.length);
  }
  return positions;
}

}  // namespace

std::vector<int32_t> ReferenceMaskPositions(double ratio, int64_t length, int64_t step) {
  MEAP_CHECK(length >= 2 && step >= 1, "no inputs to sample from, or a step below 1");
  PythonRandom random(static_cast<uint32_t>(50 + (step - 1) % 51));
  const int64_t count = std::max<int64_t>(1, MaskCount(ratio, length));
  return random.Sample(static_cast<uint32_t>(length - 1), static_cast<uint32_t>(count));
}

std::vector<int32_t> ChooseMaskPositions(const MaskPolicy& policy, const TokenTraits& traits,
                                         double ratio, const SampleKey& key, int64_t step,
                                         std::span<const int32_t> inputs) {
  if (ratio == 0) return {};
  const auto length = static_cast<int64_t>(inputs.size());
  std::vector<int32_t> positions;
  if (policy.reference) {
    positions = ReferenceMaskPositions(ratio, length, step);
  } else {
    MEAP_CHECK(policy.scope == MaskPolicy::Scope::kRow ||
                   (policy.unit != MaskPolicy::Unit::kWord && !policy.protect_special),
               "a list for all rows that depends on a row's tokens");
    PhiloxStream random = PositionStream(policy.scope, key, step);
    std::vector<int32_t> eligible = EligiblePositions(policy, traits, inputs);
    const int64_t count = std::min<int64_t>(DrawCount(policy.count, ratio, length, random),
                                            static_cast<int64_t>(eligible.size()));
    if (policy.unit == MaskPolicy::Unit::kToken) {
      positions = TakeTokens(std::move(eligible), count, random);
    } else if (policy.unit == MaskPolicy::Unit::kWord) {
      positions = TakeRuns(SplitWords(traits, inputs, eligible), count, random);
    } else {
      positions = TakeSpans(eligible, count, policy.span_mean, random);
    }
  }
  std::sort(positions.begin(), positions.end());
  return positions;
}

std::vector<int32_t> ApplyMaskPolicy(const MaskPolicy& policy, const TokenTraits& traits,
                                     double ratio, int32_t mask_id, const SampleKey& key,
                                     int64_t step, std::span<int32_t> inputs) {
  if (policy == MaskPolicy{}) return MaskInputs(ratio, mask_id, key, inputs);
  auto positions = ChooseMaskPositions(policy, traits, ratio, key, step, inputs);
  PhiloxStream random(key.seed, random_stream::kMaskReplace, key.epoch, key.sample);
  const double keep_or_random = policy.replace_random + policy.replace_keep;
  for (const int32_t position : positions) {
    const double u = keep_or_random > 0 ? random.Uniform() : 1;
    if (u < policy.replace_random) {
      MEAP_CHECK(!traits.ordinary.empty(), "random replacement without ordinary tokens");
      inputs[position] =
          traits.ordinary[random.Below(static_cast<uint32_t>(traits.ordinary.size()))];
    } else if (u >= keep_or_random) {
      inputs[position] = mask_id;
    }
  }
  return positions;
}

}  // namespace meap
