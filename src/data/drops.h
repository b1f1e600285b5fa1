// What was left out of a corpus, why, and where: nothing is dropped in silence.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace meap {

/// Why a line or document was left out.
enum class DropReason {
  kInvalidUtf8,
  kBadJson,
  kBadCsv,
  kMissingField,
  kNotString,
  kEmpty,
  kTooLong,
  kDuplicate,
  // Of conversations:
  kWrongType,
  kEmptyPrompt,
  kEmptyAnswer,
  kUnknownRole,
  kRoleOrder,
  kTemplate,
};
inline constexpr size_t kDropReasons = 14;

/// "invalid_utf8", "bad_json", ...: the names used in manifests and summaries.
std::string_view DropReasonName(DropReason reason);

/// Counts by reason, with the first few places.
class DropCounts {
 public:
  static constexpr size_t kMaxPlaces = 5;

  /// Counts one; `place` is "file:line", with a detail where there is one.
  void Add(DropReason reason, std::string_view place);
  /// Adds `count` without a place (counts read back from a journal).
  void AddCount(DropReason reason, uint64_t count) { counts_[Index(reason)] += count; }
  void Merge(const DropCounts& other);

  uint64_t count(DropReason reason) const { return counts_[Index(reason)]; }
  uint64_t total() const;
  /// The first kMaxPlaces as "file:line: reason".
  const std::vector<std::string>& places() const { return places_; }

 private:
  static size_t Index(DropReason reason) { return static_cast<size_t>(reason); }
  std::array<uint64_t, kDropReasons> counts_{};
  std::vector<std::string> places_;
};

/// Warns of what was left out: the first places, then the counts by reason. Nothing for none.
void ReportDrops(const DropCounts& dropped);

}  // namespace meap
