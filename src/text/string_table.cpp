#include "text/string_table.h"

#include <bit>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace meap {

StringTable::StringTable(size_t expected) : slots_(std::bit_ceil(expected * 2 + 8)) {
  entries_.reserve(expected);
}

size_t StringTable::Slot(std::string_view text) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = XXH3_64bits(text.data(), text.size()) & mask;
  while (slots_[slot] != 0 && Text(slots_[slot] - 1) != text) slot = (slot + 1) & mask;
  return slot;
}

void StringTable::Set(std::string_view text, int32_t id) {
  if ((entries_.size() + 1) * 2 > slots_.size()) Grow();
  uint32_t& slot = slots_[Slot(text)];
  if (slot != 0) {
    entries_[slot - 1].id = id;
    return;
  }
  entries_.push_back({pool_.size(), static_cast<uint32_t>(text.size()), id});
  pool_.insert(pool_.end(), text.begin(), text.end());
  slot = static_cast<uint32_t>(entries_.size());
}

int32_t StringTable::Find(std::string_view text) const {
  const uint32_t index = slots_[Slot(text)];
  return index == 0 ? -1 : entries_[index - 1].id;
}

void StringTable::Grow() {
  slots_.assign(slots_.size() * 2, 0);
  for (size_t i = 0; i < entries_.size(); ++i) {
    slots_[Slot(Text(i))] = static_cast<uint32_t>(i + 1);
  }
}

}  // namespace meap
