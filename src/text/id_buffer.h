// The ids of one text while it is being encoded.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>

namespace meap {

/// A growing array of ids that, unlike std::vector, hands out room without filling it.
class IdBuffer {
 public:
  /// Room for `count` more ids behind the last; valid until the next call. Add() makes them count.
  int32_t* Room(size_t count) {
    if (size_ + count > capacity_) Grow(size_ + count);
    return data_.get() + size_;
  }
  void Add(size_t count) { size_ += count; }
  void Push(int32_t id) {
    *Room(1) = id;
    ++size_;
  }
  void Append(const int32_t* ids, size_t count) {
    if (count > 0) std::memcpy(Room(count), ids, count * sizeof *ids);
    size_ += count;
  }
  const int32_t* data() const { return data_.get(); }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  void Clear() { size_ = 0; }

 private:
  void Grow(size_t needed) {
    const size_t capacity = std::max<size_t>({needed, capacity_ * 2, 1024});
    auto data = std::make_unique_for_overwrite<int32_t[]>(capacity);
    if (size_ > 0) std::memcpy(data.get(), data_.get(), size_ * sizeof(int32_t));
    data_ = std::move(data);
    capacity_ = capacity;
  }

  std::unique_ptr<int32_t[]> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace meap
