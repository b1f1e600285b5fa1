// What the tests of src/infer share: token ids, and memory that runs out.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/CPUAllocator.h>

#include <functional>
#include <new>
#include <vector>

namespace meap::testing {

/// The same ids for the same seed.
inline std::vector<int32_t> RandomIds(int64_t count, int64_t vocabulary, uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  const at::Tensor ids = at::randint(vocabulary, {count}, generator, at::kInt);
  return {ids.const_data_ptr<int32_t>(), ids.const_data_ptr<int32_t>() + count};
}

/// Stands for libtorch's allocator while it lives and throws where `fails` says so: by turns as
/// libtorch's own does, and as operator new.
class FailingAllocator : public at::Allocator {
 public:
  explicit FailingAllocator(std::function<bool(size_t bytes)> fails)
      : fails_(std::move(fails)), plain_(c10::GetCPUAllocator()) {
    c10::SetCPUAllocator(this, kPriority);
  }
  ~FailingAllocator() override { c10::SetCPUAllocator(plain_, kPriority); }
  at::DataPtr allocate(size_t bytes) override {
    if (fails_(bytes)) {
      as_libtorch_ = !as_libtorch_;
      TORCH_CHECK(!as_libtorch_, "DefaultCPUAllocator: can't allocate memory");
      throw std::bad_alloc();
    }
    return plain_->allocate(bytes);
  }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    plain_->copy_data(to, from, bytes);
  }

 private:
  static constexpr uint8_t kPriority = 10;
  std::function<bool(size_t)> fails_;
  static inline bool as_libtorch_ = false;
  at::Allocator* plain_;
};

}  // namespace meap::testing
