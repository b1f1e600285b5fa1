// Before a run takes anything: what it will need, and whether the machine has it.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include "config/recipe.h"
#include "model/forecast.h"
#include "train/task.h"

namespace meap {

/// What a run costs and where it computes.
struct Preflight {
  at::Device device = at::kCPU;
  std::vector<MemoryUse> memory = {};  // of the device, what is taken already first
  std::vector<MemoryUse> host = {};    // what stands beside it on a GPU's host
  double memory_limit = 0;             // bytes of the machine or GPU
  double flops_per_token = 0;
  double step_flops = 0;   // of a whole optimizer step
  double matrix_rate = 0;  // FLOP/s of a large matrix product here, measured
  double peak_rate = 0;    // FLOP/s that the GPU's maker names, dense; 0 where unknown
};

/// Forecasts the run; nothing is written, and no model made.
Preflight ForecastRun(const Recipe& recipe, const RunSizes& sizes, at::Device device,
                      at::ScalarType dtype);

/// InputError when the run cannot fit, naming the keys that would make it fit.
void RequireMemory(const Preflight& preflight, const Recipe& recipe, const RunSizes& sizes,
                   at::ScalarType dtype);

/// The forecast as lines for stderr: memory by purpose, arithmetic, and about how long it takes.
std::vector<std::string> PreflightLines(const Preflight& preflight, const RunSizes& sizes);

/// Dense peak of a GPU by its maker's name for it ("NVIDIA H100 80GB HBM3"), FLOP/s without
/// sparsity, f32 without TF32; 0 where it is not known.
double DensePeak(const std::string& gpu, at::ScalarType dtype);

}  // namespace meap
