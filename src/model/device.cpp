#include "model/device.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <sys/mman.h>

#include <array>
#include <charconv>

#include "core/error.h"

namespace meap {

at::Device ParseDevice(const std::string& name, const std::string& key) {
  const auto bad = [&](const std::string& got, const std::string& hint) {
    return InputError({.what = "cannot use this device",
                       .where = key,
                       .expected = "auto, cpu, cuda or cuda:N",
                       .got = got,
                       .hint = hint});
  };
  if (name == "cpu") return at::kCPU;
  if (name == "auto") return at::hasCUDA() ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
  int index = 0;
  if (name.starts_with("cuda:")) {
    const char* const end = name.data() + name.size();
    const auto [rest, error] = std::from_chars(name.data() + 5, end, index);
    if (error != std::errc() || rest != end) throw bad(name, "a number after the colon");
  } else if (name != "cuda") {
    throw bad(name, "");
  }
  const auto found = static_cast<int>(at::hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0);
  if (index < 0 || index >= found) {
    throw bad(name + " (" + std::to_string(found) + " GPUs found)",
              found == 0 ? "build against a CUDA torch on a machine with a GPU, or use cpu"
                         : "a smaller N");
  }
  return {at::kCUDA, static_cast<at::DeviceIndex>(index)};
}

at::ScalarType ParseDtype(const std::string& name, at::Device device, const std::string& key) {
  if (name.empty() || name == "auto") return device.is_cuda() ? at::kBFloat16 : at::kFloat;
  if (name == "f32") return at::kFloat;
  if (name == "bf16") return at::kBFloat16;
  if (name == "f16") return at::kHalf;
  throw InputError(
      {.what = "unknown dtype", .where = key, .expected = "f32, bf16 or f16", .got = name});
}

std::string DtypeName(at::ScalarType dtype) {
  if (dtype == at::kFloat) return "f32";
  return dtype == at::kBFloat16 ? "bf16" : "f16";
}

std::string GpuName(at::Device device) {
  // CUDA's driver itself, which counts GPUs as libtorch does: libtorch tells names only to those
  // who have CUDA's headers.
  void* const driver = ::dlopen("libcuda.so.1", RTLD_LAZY);
  if (driver == nullptr) return "";
  const auto init = reinterpret_cast<int (*)(unsigned)>(::dlsym(driver, "cuInit"));
  const auto get = reinterpret_cast<int (*)(int*, int)>(::dlsym(driver, "cuDeviceGet"));
  const auto name = reinterpret_cast<int (*)(char*, int, int)>(::dlsym(driver, "cuDeviceGetName"));
  if (init == nullptr || get == nullptr || name == nullptr) return "";
  int gpu = 0;
  std::array<char, 256> text{};
  const bool found = init(0) == 0 && get(&gpu, device.index()) == 0 &&
                     name(text.data(), static_cast<int>(text.size()), gpu) == 0;
  return found ? text.data() : "";
}

void SetComputeThreads(int threads) { at::set_num_threads(threads); }

void PreferHugePages(const at::Tensor& tensor) {
  if (!tensor.is_cpu()) return;
  // Outwards to whole huge pages: the allocator leaves gaps between tensors, and a huge page with a
  // gap in it that did not ask for one is none.
  constexpr uintptr_t kHugePage = uintptr_t{1} << 21;
  const auto before = reinterpret_cast<uintptr_t>(tensor.const_data_ptr()) % kHugePage;
  char* const first = static_cast<char*>(tensor.data_ptr()) - before;
  const uintptr_t pages = (before + tensor.nbytes() + kHugePage - 1) / kHugePage;
  madvise(first, pages * kHugePage, MADV_HUGEPAGE);
}

}  // namespace meap
