#include "nn/cpu.h"

#include <hwy/detect_targets.h>
#include <hwy/targets.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>

#include "core/error.h"

namespace meap {
namespace {

constexpr std::array<const char*, 4> kNames = {"baseline", "avx2", "avx512", "avx512bf16"};

/// Tells Highway's dispatch; AVX-512 with and without bf16 products is one target to it, and the
/// kernels ask GetCpuLevel for the difference.
void Restrict(CpuLevel level) {
  int64_t targets = HWY_EMU128;
  if (level >= CpuLevel::kAvx2) targets |= HWY_AVX2;
  if (level >= CpuLevel::kAvx512) targets |= HWY_AVX3;
  hwy::GetChosenTarget().Update(targets);
}

CpuLevel LevelFromEnvironment() {
  const char* named = std::getenv("MEAP_CPU");
  if (named == nullptr || *named == '\0') return HighestCpuLevel();
  const auto found = std::find(kNames.begin(), kNames.end(), std::string(named));
  if (found == kNames.end()) {
    throw InputError({.what = "unknown instruction set",
                      .where = "environment variable MEAP_CPU",
                      .expected = "baseline, avx2, avx512 or avx512bf16",
                      .got = named,
                      .hint = "unset it to use all that the CPU has"});
  }
  return std::min(static_cast<CpuLevel>(found - kNames.begin()), HighestCpuLevel());
}

std::atomic<CpuLevel>& Current() {
  static std::atomic<CpuLevel> level = [] {
    const CpuLevel wanted = LevelFromEnvironment();
    Restrict(wanted);
    return wanted;
  }();
  return level;
}

}  // namespace

CpuLevel HighestCpuLevel() {
  const int64_t targets = hwy::SupportedTargets();
  if ((targets & HWY_AVX3) != 0) {
    return __builtin_cpu_supports("avx512bf16") != 0 ? CpuLevel::kAvx512Bf16 : CpuLevel::kAvx512;
  }
  return (targets & HWY_AVX2) != 0 ? CpuLevel::kAvx2 : CpuLevel::kBaseline;
}

CpuLevel GetCpuLevel() { return Current().load(std::memory_order_relaxed); }

void SetCpuLevel(CpuLevel level) {
  MEAP_CHECK(level <= HighestCpuLevel(), "this CPU has no " + CpuLevelName(level));
  Current().store(level);
  Restrict(level);
}

std::string CpuLevelName(CpuLevel level) { return kNames[static_cast<size_t>(level)]; }

}  // namespace meap
