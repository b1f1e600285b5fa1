#include "objective/finetune_rows.h"

#include "core/error.h"

namespace meap {
namespace {

/// Appends one sequence, its segments numbered from `first_segment` on; returns the next free one.
int64_t AppendSequence(const SampleSequence& part, int64_t first_segment, TrainingRows& out) {
  const FinetuneSequence& sequence = part.sequence;
  const size_t length = sequence.input_ids.size();
  for (size_t t = 0; t < length; ++t) {
    const bool predicts = t + 1 < length && sequence.segments[t + 1] == sequence.segments[t];
    const bool masked = predicts && sequence.masked[t + 1] != 0;
    out.input_ids.push_back(sequence.input_ids[t]);
    out.labels.push_back(predicts ? sequence.labels[t + 1] : kNoLabel);
    out.position_ids.push_back(sequence.positions[t]);
    out.segment_ids.push_back(first_segment + sequence.segments[t]);
    out.sample_ids.push_back(part.sample_id);
    out.masked.push_back(sequence.masked[t]);
    out.regions.push_back(static_cast<uint8_t>(masked ? LossRegion::kMasked : LossRegion::kAnswer));
  }
  return first_segment + sequence.segments.back() + 1;
}

void AppendPadding(int64_t count, int32_t pad_id, TrainingRows& out) {
  const auto n = static_cast<size_t>(count);
  out.input_ids.insert(out.input_ids.end(), n, pad_id);
  out.labels.insert(out.labels.end(), n, kNoLabel);
  out.position_ids.insert(out.position_ids.end(), n, 0);
  out.segment_ids.insert(out.segment_ids.end(), n, kPadSegment);
  out.sample_ids.insert(out.sample_ids.end(), n, -1);
  out.masked.insert(out.masked.end(), n, 0);
  out.regions.insert(out.regions.end(), n, static_cast<uint8_t>(LossRegion::kAnswer));
}

}  // namespace

void AppendFinetuneRow(const std::vector<SampleSequence>& sequences, int64_t length, int32_t pad_id,
                       TrainingRows& out) {
  MEAP_CHECK(out.rows == 0 || out.length == length, "rows of different lengths");
  const size_t before = out.input_ids.size();
  int64_t segment = 0;
  for (const SampleSequence& part : sequences) segment = AppendSequence(part, segment, out);
  const auto used = static_cast<int64_t>(out.input_ids.size() - before);
  MEAP_CHECK(used <= length, "more tokens than a row holds");
  AppendPadding(length - used, pad_id, out);
  out.length = length;
  ++out.rows;
}

}  // namespace meap
