// Going on with smaller batches when memory runs out.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <span>

namespace meap {

/// True for an allocation of ours or of libtorch's, on the CPU or a GPU, that failed.
bool IsOutOfMemory(const std::exception& error);

/// Calls run(begin, end) for the whole of [0, count); when that runs out of memory, for each half,
/// and so on. One item that does not fit alone is a WorkError.
void RunHalving(size_t count, const std::function<void(size_t begin, size_t end)>& run);

}  // namespace meap
