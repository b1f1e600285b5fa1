// A hash table from strings to ids with one pool for all text, built once and then only read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace meap {

/// Strings to 32-bit ids. A string set twice has the id set last. Find() is thread-safe.
class StringTable {
 public:
  explicit StringTable(size_t expected = 0);

  void Set(std::string_view text, int32_t id);
  /// The id of `text`, or -1.
  int32_t Find(std::string_view text) const;
  size_t size() const { return entries_.size(); }
  /// The i-th string set, and its id.
  std::string_view Text(size_t i) const { return {pool_.data() + entries_[i].offset, Length(i)}; }
  int32_t Id(size_t i) const { return entries_[i].id; }

 private:
  struct Entry {
    uint64_t offset;
    uint32_t length;
    int32_t id;
  };
  size_t Length(size_t i) const { return entries_[i].length; }
  size_t Slot(std::string_view text) const;
  void Grow();

  std::vector<char> pool_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> slots_;  // index into entries_ plus one, 0 where empty; size a power of two
};

}  // namespace meap
