#include "train/preflight.h"

#include <ATen/ATen.h>
#include <ATen/DeviceAccelerator.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/console.h"
#include "core/error.h"
#include "core/machine.h"
#include "core/stopwatch.h"
#include "core/strings.h"
#include "model/device.h"
#include "train/host.h"
#include "train/trained_model.h"

namespace meap {
namespace {

TrainShape ShapeOf(const Recipe& recipe, const RunSizes& sizes, at::ScalarType dtype) {
  return {
      .config = sizes.config,
      .sequence_length = sizes.sequence_length,
      .batch_rows = sizes.batch_rows,
      .micro_rows = sizes.FullMicroRows(),
      .trained_parameters = sizes.trained_parameters,
      .adapter_width = recipe.lora.rank * static_cast<int64_t>(recipe.lora.target_modules.size()),
      .frozen_head = sizes.trained_parameters >= 0,
      .narrow = dtype != at::kFloat,
      .checkpoint_copy = recipe.checkpoint.background,
      .recomputed = ReadRecomputed(recipe.train)};
}

/// What the device has, and what is taken of it: by this program, and on a GPU by CUDA and by other
/// programs too.
void LookAtMemory(Preflight& preflight) {
  if (preflight.device.is_cpu()) {
    preflight.memory = {{"program", static_cast<double>(ResidentMemory())}};
    preflight.memory_limit = static_cast<double>(MachineMemory());
    return;
  }
  at::accelerator::emptyCache();  // what measuring took is free for the run
  const auto [left, all] = at::accelerator::getMemoryInfo(preflight.device.index());
  preflight.memory = {{"in use already", static_cast<double>(all - left)}};
  preflight.memory_limit = static_cast<double>(all);
}

/// Adds what the run is to take of the device, and of a GPU's host.
void AddUses(Preflight& preflight, const TrainShape& shape) {
  const bool on_cpu = preflight.device.is_cpu();
  for (MemoryUse& use : ForecastMemory(shape)) {
    (use.on_host && !on_cpu ? preflight.host : preflight.memory).push_back(std::move(use));
  }
  if (!on_cpu) return;
  preflight.memory.push_back({"allocator", MemoryWatch::kSlack * TotalBytes(preflight.memory)});
}

/// The best of a few: what comes first pays for threads and caches.
double MeasureMatrixRate(at::Device device, at::ScalarType dtype) {
  const int64_t side = device.is_cpu() ? 512 : 8192;
  const at::Tensor a = at::ones({side, side}, at::TensorOptions().dtype(dtype).device(device));
  const at::Tensor product = at::empty_like(a);
  double best = 0;
  for (int i = 0; i < 4; ++i) {
    const Stopwatch watch;
    at::mm_out(const_cast<at::Tensor&>(product), a, a);
    product[0][0].item<double>();  // on a GPU: wait for it
    best = std::max(best, 2.0 * static_cast<double>(side * side * side) / watch.Seconds());
  }
  return best;
}

/// Bytes that the run would take with `change` made to it.
template <class Change>
double TotalWith(const Preflight& preflight, TrainShape shape, const Change& change) {
  change(shape);
  Preflight changed{.device = preflight.device, .memory = {preflight.memory.front()}};
  AddUses(changed, shape);
  return TotalBytes(changed.memory);
}

/// Keys that would make it fit, each by itself, or else all together.
std::string WhatWouldFit(const Preflight& preflight, const TrainShape& shape) {
  std::vector<std::string> single;
  const auto fits = [&](const auto& change) {
    return TotalWith(preflight, shape, change) <= preflight.memory_limit;
  };
  for (int64_t rows = shape.micro_rows / 2; rows > 0; rows /= 2) {
    if (!fits([&](TrainShape& s) { s.micro_rows = rows; })) continue;
    single.push_back(fmt::format("train.micro_batch={}", rows));
    break;
  }
  if (shape.checkpoint_copy && fits([](TrainShape& s) { s.checkpoint_copy = false; })) {
    single.emplace_back("checkpoint.background=false");
  }
  if (shape.recomputed != Recomputed::kBlock &&
      fits([](TrainShape& s) { s.recomputed = Recomputed::kBlock; })) {
    single.emplace_back("train.recompute=block");
  }
  if (!shape.narrow && fits([](TrainShape& s) { s.narrow = true; })) {
    single.emplace_back("train.precision=bf16");
  }
  if (!single.empty()) return Join(single, ", or ");
  const double least = TotalWith(preflight, shape, [](TrainShape& s) {
    s.micro_rows = 1;
    s.checkpoint_copy = false;
    s.recomputed = Recomputed::kBlock;
    s.narrow = true;
  });
  return (least <= preflight.memory_limit
              ? "train.micro_batch=1 train.recompute=block checkpoint.background=false "
                "train.precision=bf16 together"
              : "a smaller model or data.sequence_length") +
         std::string("; guard.memory=false starts it all the same");
}

}  // namespace

double DensePeak(const std::string& gpu, at::ScalarType dtype) {
  struct Peak {
    const char* name;  // the first that the GPU's name holds
    double narrow;     // bf16 and f16, TFLOP/s
    double single;     // f32
  };
  // From the makers' data sheets.
  constexpr Peak kPeaks[] = {{"B200", 2250, 75},        {"H200", 989, 67},   {"H100 PCIe", 756, 51},
                             {"H100", 989, 67},         {"A100", 312, 19.5}, {"L40S", 362, 91.6},
                             {"RTX 4090", 165.2, 82.6}, {"A10", 125, 31.2}};
  for (const Peak& peak : kPeaks) {
    if (gpu.find(peak.name) != std::string::npos) {
      return 1e12 * (dtype == at::kFloat ? peak.single : peak.narrow);
    }
  }
  return 0;
}

Preflight ForecastRun(const Recipe& recipe, const RunSizes& sizes, at::Device device,
                      at::ScalarType dtype) {
  Preflight preflight{.device = device};
  const double rows = static_cast<double>(sizes.batch_rows * sizes.sequence_length);
  preflight.matrix_rate = MeasureMatrixRate(device, dtype);
  if (device.is_cuda()) preflight.peak_rate = DensePeak(GpuName(device), dtype);
  LookAtMemory(preflight);
  AddUses(preflight, ShapeOf(recipe, sizes, dtype));
  preflight.flops_per_token = TrainFlopsPerToken(sizes.config, sizes.sequence_length);
  preflight.step_flops = preflight.flops_per_token * rows;
  return preflight;
}

void RequireMemory(const Preflight& preflight, const Recipe& recipe, const RunSizes& sizes,
                   at::ScalarType dtype) {
  const double total = TotalBytes(preflight.memory);
  if (!recipe.guard.memory || total <= preflight.memory_limit) return;
  throw InputError(
      {.what = "the run does not fit into memory",
       .where = "forecast:\n    " + Join(PreflightLines(preflight, sizes), "\n    "),
       .expected = fmt::format("at most {}, what {} has", FormatBytes(preflight.memory_limit),
                               preflight.device.str()),
       .got = FormatBytes(total),
       .hint = WhatWouldFit(preflight, ShapeOf(recipe, sizes, dtype))});
}

std::vector<std::string> PreflightLines(const Preflight& preflight, const RunSizes& sizes) {
  std::vector<std::string> lines;
  for (const MemoryUse& use : preflight.memory) {
    if (use.bytes == 0) continue;
    lines.push_back(fmt::format("{:<16} {:>10}", use.purpose, FormatBytes(use.bytes)));
  }
  lines.push_back(fmt::format("{:<16} {:>10} of {}", "memory",
                              FormatBytes(TotalBytes(preflight.memory)),
                              FormatBytes(preflight.memory_limit)));
  for (const MemoryUse& use : preflight.host) {
    if (use.bytes == 0) continue;
    lines.push_back(fmt::format("{:<16} {:>10} on the host", use.purpose, FormatBytes(use.bytes)));
  }
  const auto rows = static_cast<double>(sizes.batch_rows * sizes.sequence_length);
  const auto steps = static_cast<double>(sizes.steps);
  lines.push_back(fmt::format("{:<16} {:.3g} TFLOP a step, {} tokens in all", "arithmetic",
                              preflight.step_flops / 1e12, FormatCount(rows * steps)));
  // Training reaches some six tenths of what a large matrix product does; measured from the first
  // step on.
  const double rate = 0.6 * preflight.matrix_rate;
  lines.push_back(fmt::format("{:<16} about {} (at {:.3g} TFLOP/s)", "time",
                              FormatDuration(preflight.step_flops * steps / rate), rate / 1e12));
  return lines;
}

}  // namespace meap
