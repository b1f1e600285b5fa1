#include "data/packing.h"

#include <algorithm>

#include "core/error.h"
#include "data/permutation.h"

namespace meap {
namespace {

// Salts of the two shuffles of an epoch, beyond those of mixture sources (sampler.h).
constexpr uint32_t kItemSalt = 1u << 16;
constexpr uint32_t kRowSalt = kItemSalt + 1;

template <class Item>
std::vector<Item> Shuffled(std::vector<Item> items, uint64_t seed, uint32_t epoch, uint32_t salt) {
  if (items.empty()) return items;
  const Permutation order(seed, epoch, salt, items.size());
  std::vector<Item> shuffled;
  shuffled.reserve(items.size());
  for (uint64_t i = 0; i < items.size(); ++i) shuffled.push_back(std::move(items[order(i)]));
  return shuffled;
}

/// All items in the epoch's order, each window of them by falling length.
std::vector<uint32_t> WindowsByLength(std::span<const int64_t> lengths,
                                      const PackingOptions& options, uint32_t epoch) {
  std::vector<uint32_t> items(lengths.size());
  for (uint32_t i = 0; i < items.size(); ++i) items[i] = i;
  items = Shuffled(std::move(items), options.seed, epoch, kItemSalt);
  for (size_t begin = 0; begin < items.size(); begin += kPackWindow) {
    const size_t end = std::min(begin + kPackWindow, items.size());
    std::stable_sort(items.begin() + static_cast<int64_t>(begin),
                     items.begin() + static_cast<int64_t>(end),
                     [&](uint32_t a, uint32_t b) { return lengths[a] > lengths[b]; });
  }
  return items;
}

/// First-fit decreasing (Johnson, "Near-optimal bin packing algorithms", 1973) in each window.
std::vector<ItemRow> FirstFit(std::span<const uint32_t> items, std::span<const int64_t> lengths,
                              int64_t row_tokens) {
  std::vector<ItemRow> rows;
  std::vector<int64_t> room;
  size_t first = 0;  // row of the window
  for (size_t i = 0; i < items.size(); ++i) {
    if (i % kPackWindow == 0) first = rows.size();
    const int64_t length = lengths[items[i]];
    MEAP_CHECK(length > 0 && length <= row_tokens, "an item that no row holds");
    const auto fits = std::find_if(room.begin() + static_cast<int64_t>(first), room.end(),
                                   [&](int64_t left) { return left >= length; });
    const auto row = static_cast<size_t>(fits - room.begin());
    if (row == rows.size()) {
      rows.emplace_back();
      room.push_back(row_tokens);
    }
    rows[row].push_back(items[i]);
    room[row] -= length;
  }
  return rows;
}

std::vector<StepRows> PackedSteps(std::span<const int64_t> lengths, const PackingOptions& options,
                                  uint32_t epoch) {
  const std::vector<uint32_t> items = WindowsByLength(lengths, options, epoch);
  const std::vector<ItemRow> rows =
      Shuffled(FirstFit(items, lengths, options.row_tokens), options.seed, epoch, kRowSalt);
  const auto step_rows = static_cast<size_t>(options.batch_tokens / options.row_tokens);
  std::vector<StepRows> steps;
  for (size_t begin = 0; begin < rows.size(); begin += step_rows) {
    const size_t end = std::min(begin + step_rows, rows.size());
    steps.emplace_back(rows.begin() + static_cast<int64_t>(begin),
                       rows.begin() + static_cast<int64_t>(end));
  }
  return steps;
}

std::vector<StepRows> GroupedSteps(std::span<const int64_t> lengths, const PackingOptions& options,
                                   uint32_t epoch) {
  const std::vector<uint32_t> items = WindowsByLength(lengths, options, epoch);
  std::vector<StepRows> steps;
  int64_t longest = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto rows = steps.empty() ? 0 : static_cast<int64_t>(steps.back().size());
    if (i % kPackWindow == 0 || (rows + 1) * longest > options.batch_tokens) {
      steps.emplace_back();
      longest = lengths[items[i]];
    }
    steps.back().push_back({items[i]});
  }
  return Shuffled(std::move(steps), options.seed, epoch, kRowSalt);
}

}  // namespace

std::vector<StepRows> PlanEpoch(std::span<const int64_t> lengths, const PackingOptions& options,
                                uint32_t epoch) {
  MEAP_CHECK(options.row_tokens > 0 && options.batch_tokens >= options.row_tokens,
             "a step holds a row");
  return options.pack ? PackedSteps(lengths, options, epoch)
                      : GroupedSteps(lengths, options, epoch);
}

}  // namespace meap
