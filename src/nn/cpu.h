// What the CPU can do, and what of it the operators' kernels use.
#pragma once

#include <string>

namespace meap {

/// Instruction sets that the kernels are built for, each including those before it. Below AVX2 the
/// plain libtorch references run.
enum class CpuLevel { kBaseline = 0, kAvx2 = 1, kAvx512 = 2, kAvx512Bf16 = 3 };

/// The level in use: the highest that this CPU has, or the lower one that the environment variable
/// MEAP_CPU names (baseline, avx2, avx512, avx512bf16). Another value of it is an InputError.
CpuLevel GetCpuLevel();

/// The highest level this CPU has.
CpuLevel HighestCpuLevel();

/// Makes the kernels use `level` from now on (at most HighestCpuLevel()). For tests and benchmarks;
/// not to be called while an operator runs.
void SetCpuLevel(CpuLevel level);

/// "avx2" and so on, as MEAP_CPU spells it.
std::string CpuLevelName(CpuLevel level);

}  // namespace meap
