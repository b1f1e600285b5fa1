#include "infer/out_of_memory.h"

#include <c10/util/Exception.h>
#include <c10/util/Logging.h>

#include <cstring>
#include <new>
#include <string_view>

#include "core/console.h"
#include "core/error.h"

namespace meap {
namespace {

/// While it lives, libtorch throws when memory runs out. Debian's libsentencepiece has a global
/// FLAGS_minloglevel of 32 bytes and libc10 one of 4; the dynamic linker makes them one, and what
/// sentencepiece writes there reads as libc10's next flag: end the process instead of throwing. The
/// byte is given back, for sentencepiece has a pointer in it.
class ThrowingAllocator {
 public:
  ThrowingAllocator() {
    std::memcpy(&saved_, &FLAGS_caffe2_use_fatal_for_enforce, 1);
    FLAGS_caffe2_use_fatal_for_enforce = false;
  }
  ThrowingAllocator(const ThrowingAllocator&) = delete;
  ThrowingAllocator& operator=(const ThrowingAllocator&) = delete;
  ~ThrowingAllocator() { std::memcpy(&FLAGS_caffe2_use_fatal_for_enforce, &saved_, 1); }

 private:
  unsigned char saved_ = 0;
};

void RunRange(size_t begin, size_t end, const std::function<void(size_t, size_t)>& run) {
  try {
    run(begin, end);
    return;
  } catch (const std::exception& error) {
    if (!IsOutOfMemory(error)) throw;
    if (end - begin <= 1) {
      throw WorkError({.what = "out of memory on a batch of one",
                       .hint = "a smaller model, --dtype bf16, or a smaller --max-length"});
    }
  }
  Note("out of memory: going on with half the batch");
  const size_t middle = begin + (end - begin) / 2;
  RunRange(begin, middle, run);
  RunRange(middle, end, run);
}

}  // namespace

bool IsOutOfMemory(const std::exception& error) {
  return dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
         dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
         // libtorch's CPU allocator has no type of its own.
         std::string_view(error.what()).find("DefaultCPUAllocator") != std::string_view::npos;
}

void RunHalving(size_t count, const std::function<void(size_t, size_t)>& run) {
  const ThrowingAllocator throwing;
  if (count > 0) RunRange(0, count, run);
}

}  // namespace meap
