#include "train/finetune_stream.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "objective/finetune_rows.h"

namespace meap {
namespace {

void Count(const SamplePlan& plan, SampleCounts& counts) {
  if (plan.tokens == 0) {
    ++counts.dropped;
    return;
  }
  if (plan.truncated) ++counts.truncated;
  if (plan.form == SamplePlan::Form::kPlain) ++counts.plain;
  if (plan.form == SamplePlan::Form::kDoubled) ++counts.doubled;
  if (plan.form == SamplePlan::Form::kFellBack) ++counts.fell_back;
}

}  // namespace

FinetuneStream::FinetuneStream(std::vector<TaggedTokens> samples,
                               const FinetuneStreamOptions& options)
    : samples_(std::move(samples)), options_(options) {
  for (uint32_t i = 0; i < samples_.size(); ++i) {
    plans_.push_back(PlanSample(options_.objective, samples_[i], options_.packing.row_tokens,
                                options_.truncate));
    Count(plans_[i], counts_);
    for (const SamplePart part : PartsOf(options_.objective, plans_[i])) {
      items_.push_back({i, part});
      lengths_.push_back(PartLength(options_.objective, samples_[i], plans_[i], part));
    }
  }
}

int64_t FinetuneStream::tokens() const {
  return std::accumulate(lengths_.begin(), lengths_.end(), int64_t{0});
}

/// With mutex_ held, which the reference is good under: the last plan is kept, the next replaces
/// it.
const std::vector<StepRows>& FinetuneStream::Plan(uint32_t epoch) const {
  if (plan_.empty() || planned_epoch_ != epoch) {
    plan_ = PlanEpoch(lengths_, options_.packing, epoch);
    planned_epoch_ = epoch;
  }
  if (epoch_begins_.size() == epoch + 1) {
    epoch_begins_.push_back(epoch_begins_.back() + static_cast<int64_t>(plan_.size()));
  }
  return plan_;
}

int64_t FinetuneStream::StepsOf(double epochs) const {
  const std::lock_guard lock(mutex_);
  const auto whole = static_cast<uint32_t>(epochs);
  for (uint32_t epoch = 0; epoch < whole; ++epoch) Plan(epoch);
  const double part = epochs - whole;
  const double rest = part > 0 ? part * static_cast<double>(Plan(whole).size()) : 0;
  return epoch_begins_[whole] + static_cast<int64_t>(std::ceil(rest));
}

int64_t FinetuneStream::MostRows() const {
  const std::lock_guard lock(mutex_);
  size_t most = 0;
  for (const StepRows& rows : Plan(0)) most = std::max(most, rows.size());
  return static_cast<int64_t>(most);
}

FinetuneSequence FinetuneStream::LayOutItem(const Item& item, uint32_t epoch) const {
  return LayOut(options_.objective, samples_[item.sample], plans_[item.sample], item.part, epoch,
                item.sample);
}

TrainingRows FinetuneStream::Rows(int64_t step) const {
  MEAP_CHECK(step >= 1 && !items_.empty(), "steps count from 1");
  const std::lock_guard lock(mutex_);
  uint32_t epoch = 0;
  while (true) {
    if (epoch_begins_.size() == epoch + 1) Plan(epoch);
    if (step <= epoch_begins_[epoch + 1]) break;
    ++epoch;
  }
  const StepRows& rows = Plan(epoch)[static_cast<size_t>(step - 1 - epoch_begins_[epoch])];
  int64_t length = options_.packing.row_tokens;
  if (!options_.packing.pack) {
    length = 0;
    for (const ItemRow& row : rows) length = std::max(length, lengths_[row.front()]);
  }
  TrainingRows out;
  for (const ItemRow& row : rows) {
    std::vector<SampleSequence> sequences;
    for (const uint32_t item : row) {
      sequences.push_back({items_[item].sample, LayOutItem(items_[item], epoch)});
    }
    AppendFinetuneRow(sequences, length, options_.pad_id, out);
  }
  return out;
}

}  // namespace meap
