#include "objective/rows.h"

#include <algorithm>

#include "core/error.h"

namespace meap {

int64_t TrainingRows::LabelCount() const {
  return std::count_if(labels.begin(), labels.end(), [](int64_t l) { return l != kNoLabel; });
}

std::vector<int64_t> TrainingRows::SegmentOffsets() const {
  std::vector<int64_t> offsets = {0};
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t t = 1; t < length; ++t) {
      const int64_t i = row * length + t;
      if (segment_ids[i] != segment_ids[i - 1]) offsets.push_back(i);
    }
    offsets.push_back((row + 1) * length);
  }
  return offsets;
}

TrainingRows TrainingRows::Slice(int64_t begin, int64_t count) const {
  const auto cut = [](const auto& values, int64_t first, int64_t size) {
    return std::decay_t<decltype(values)>(values.begin() + first, values.begin() + first + size);
  };
  TrainingRows part{.rows = count, .length = length};
  part.input_ids = cut(input_ids, begin * length, count * length);
  part.labels = cut(labels, begin * length, count * length);
  part.position_ids = cut(position_ids, begin * length, count * length);
  part.segment_ids = cut(segment_ids, begin * length, count * length);
  part.sample_ids = cut(sample_ids, begin, count);
  part.masked = cut(masked, begin * length, count * length);
  if (!regions.empty()) part.regions = cut(regions, begin * length, count * length);
  return part;
}

void AppendPretrainRow(const PretrainObjective& objective, std::span<const int32_t> window,
                       std::span<const int32_t> segments, uint32_t epoch, uint64_t sample,
                       TrainingRows& out, int64_t step) {
  const auto length = static_cast<int64_t>(window.size()) - 1;
  MEAP_CHECK(out.rows == 0 || out.length == length, "rows of different lengths");
  std::vector<int32_t> inputs(window.begin(), window.end() - 1);
  static const TokenTraits kNone;
  const auto positions =
      ApplyMaskPolicy(objective.policy, objective.traits ? *objective.traits : kNone,
                      MaskRatioAt(objective.schedule, objective.mask_ratio, step),
                      objective.mask_id, {objective.seed, epoch, sample}, step, inputs);
  out.length = length;
  ++out.rows;
  out.sample_ids.push_back(sample);
  const size_t first = out.masked.size();
  out.masked.resize(first + length, 0);
  for (const int32_t position : positions) out.masked[first + position] = 1;
  int64_t restart = 0;
  for (int64_t t = 0; t < length; ++t) {
    const bool isolated = !segments.empty();
    if (isolated && t > 0 && segments[t] != segments[t - 1]) restart = t;
    const bool crosses = isolated && segments[t + 1] != segments[t];
    out.input_ids.push_back(inputs[t]);
    out.labels.push_back(crosses ? kNoLabel : window[t + 1]);
    out.position_ids.push_back(t - restart);
    out.segment_ids.push_back(isolated ? segments[t] : 0);
  }
}

}  // namespace meap
