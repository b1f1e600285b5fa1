#include "infer/out_of_memory.h"

#include <c10/util/Exception.h>

#include <new>
#include <string_view>

#include "core/console.h"
#include "core/error.h"

namespace meap {
namespace {

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
  if (count > 0) RunRange(0, count, run);
}

}  // namespace meap
