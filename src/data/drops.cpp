#include "data/drops.h"

#include <numeric>

#include "core/console.h"

namespace meap {

std::string_view DropReasonName(DropReason reason) {
  constexpr std::array<std::string_view, kDropReasons> kNames = {
      "invalid_utf8", "bad_json",     "bad_csv",    "missing_field", "not_string",
      "empty",        "too_long",     "duplicate",  "wrong_type",    "empty_prompt",
      "empty_answer", "unknown_role", "role_order", "template"};
  return kNames[static_cast<size_t>(reason)];
}

void DropCounts::Add(DropReason reason, std::string_view place) {
  ++counts_[Index(reason)];
  if (reason == DropReason::kDuplicate) return;  // asked for, so no reason to warn
  if (places_.size() < kMaxPlaces) {
    places_.push_back(std::string(place) + ": " + std::string(DropReasonName(reason)));
  }
}

void DropCounts::Merge(const DropCounts& other) {
  for (size_t i = 0; i < kDropReasons; ++i) counts_[i] += other.counts_[i];
  for (const std::string& place : other.places_) {
    if (places_.size() < kMaxPlaces) places_.push_back(place);
  }
}

uint64_t DropCounts::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), uint64_t{0});
}

void ReportDrops(const DropCounts& dropped) {
  if (dropped.total() == 0) return;
  for (const std::string& place : dropped.places()) Warn("dropped " + place);
  std::string counts;
  for (size_t i = 0; i < kDropReasons; ++i) {
    const auto reason = static_cast<DropReason>(i);
    if (dropped.count(reason) == 0) continue;
    counts += (counts.empty() ? "" : ", ") + std::string(DropReasonName(reason)) + " " +
              std::to_string(dropped.count(reason));
  }
  Warn("dropped " + std::to_string(dropped.total()) + " in all: " + counts);
}

}  // namespace meap
