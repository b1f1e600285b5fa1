#include "objective/rows.h"

#include <algorithm>

#include "core/error.h"

namespace meap {

int64_t TrainingRows::LabelCount() const {
  return std::count_if(labels.begin(), labels.end(), [](int64_t l) { return l != kNoLabel; });
}

int64_t TrainingRows::TokenCount() const {
  const auto padding = std::count(segment_ids.begin(), segment_ids.end(), kPadSegment);
  return static_cast<int64_t>(segment_ids.size()) - padding;
}

int64_t TrainingRows::SegmentCount() const {
  int64_t count = 0;
  for (size_t i = 0; i < segment_ids.size(); ++i) {
    if (segment_ids[i] != kPadSegment && StartsSegment(i)) ++count;
  }
  return count;
}

bool TrainingRows::StartsSegment(size_t i) const {
  return i % static_cast<size_t>(length) == 0 || segment_ids[i] != segment_ids[i - 1];
}

std::vector<int64_t> TrainingRows::Samples() const {
  std::vector<int64_t> samples = sample_ids;
  std::sort(samples.begin(), samples.end());
  samples.erase(std::unique(samples.begin(), samples.end()), samples.end());
  if (!samples.empty() && samples.front() < 0) samples.erase(samples.begin());
  return samples;
}

TrainingRows TrainingRows::WithoutPadding() const {
  const auto keep = [&](const auto& values) {
    std::decay_t<decltype(values)> kept;
    for (size_t i = 0; i < values.size(); ++i) {
      if (segment_ids[i] != kPadSegment) kept.push_back(values[i]);
    }
    return kept;
  };
  TrainingRows packed{.rows = 1, .length = TokenCount()};
  packed.input_ids = keep(input_ids);
  packed.labels = keep(labels);
  packed.position_ids = keep(position_ids);
  packed.sample_ids = keep(sample_ids);
  packed.masked = keep(masked);
  packed.regions = keep(regions);
  // Segments are numbered within their row: here each gets a number of its own.
  int64_t number = 0;
  for (size_t i = 0; i < segment_ids.size(); ++i) {
    if (StartsSegment(i)) ++number;
    if (segment_ids[i] != kPadSegment) packed.segment_ids.push_back(number);
  }
  return packed;
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

int64_t TrainingRows::PassRows(int64_t begin, int64_t most_rows, int64_t most_tokens) const {
  int64_t tokens = 0;
  for (int64_t row = begin; row < std::min(rows, begin + most_rows); ++row) {
    const auto first = segment_ids.begin() + row * length;
    tokens += length - std::count(first, first + length, kPadSegment);
    if (tokens > most_tokens && row > begin) return row - begin;
  }
  return std::min(rows - begin, most_rows);
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
  part.sample_ids = cut(sample_ids, begin * length, count * length);
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
  out.sample_ids.insert(out.sample_ids.end(), length, static_cast<int64_t>(sample));
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
