// Times the training step of the model (forward, backward, clipping, AdamW) for one shape and
// dtype, on random tokens: what bench/step.py compares with its peers. Prints one JSON line a
// request.
//   step_bench SHAPE DTYPE THREADS DEVICE
// SHAPE is layers,width,ffn,heads,kv_heads,vocabulary,T,B. Reads lines from stdin: a number of
// steps to time; answers {"seconds": [...], "loss": ..., "peak_bytes": ..., "page_faults": ...,
// "flops_per_token": ..., "peak_flops": ...}. page_faults are those of a step: 0 where no memory
// was taken from the kernel. On a GPU a step ends when the GPU is done with it, peak_bytes are the
// most its tensors ever took, and peak_flops what its maker names (0: unknown, or a CPU). Ends at
// end of input.
#include <ATen/ATen.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/Parallel.h>
#include <sys/resource.h>

#include <chrono>
#include <iostream>
#include <sstream>

#include "model/device.h"
#include "model/forecast.h"
#include "model/llama.h"
#include "train/optimizer.h"
#include "train/preflight.h"
#include "train/step.h"

namespace meap {
namespace {

struct Shape {
  int64_t layers, width, ffn, heads, kv_heads, vocabulary, length, batch;
};

Shape ParseShape(const std::string& text) {
  std::vector<int64_t> numbers;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) numbers.push_back(std::stoll(part));
  if (numbers.size() != 8) throw std::runtime_error("SHAPE is eight numbers, got " + text);
  return {numbers[0], numbers[1], numbers[2], numbers[3],
          numbers[4], numbers[5], numbers[6], numbers[7]};
}

LlamaConfig ConfigOf(const Shape& shape) {
  LlamaConfig config;
  config.num_hidden_layers = shape.layers;
  config.hidden_size = shape.width;
  config.intermediate_size = shape.ffn;
  config.num_attention_heads = shape.heads;
  config.num_key_value_heads = shape.kv_heads;
  config.head_dim = shape.width / shape.heads;
  config.vocab_size = shape.vocabulary;
  config.max_position_embeddings = shape.length;
  return config;
}

TrainingRows RandomRows(const Shape& shape) {
  TrainingRows rows;
  rows.rows = shape.batch;
  rows.length = shape.length;
  uint64_t state = 1;
  for (int64_t i = 0; i < shape.batch * shape.length; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    rows.input_ids.push_back(static_cast<int64_t>((state >> 33) % shape.vocabulary));
    rows.position_ids.push_back(i % shape.length);
    rows.segment_ids.push_back(0);
    rows.masked.push_back(0);
  }
  rows.labels.assign(rows.input_ids.begin() + 1, rows.input_ids.end());
  rows.labels.push_back(0);
  rows.sample_ids.assign(rows.input_ids.size(), 0);
  return rows;
}

/// f32 masters: the parameters themselves, or copies of them.
std::vector<at::Tensor> Masters(const Llama& model) {
  std::vector<at::Tensor> masters;
  for (const Parameter& parameter : model.parameters()) {
    masters.push_back(parameter.tensor.detach().to(at::kFloat));
  }
  return masters;
}

rusage Usage() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage;
}

int64_t PeakBytes(at::Device device) {
  if (device.is_cpu()) return Usage().ru_maxrss * int64_t{1024};
  const auto all = static_cast<size_t>(at::CachingAllocator::StatType::AGGREGATE);
  return at::accelerator::getDeviceStats(device.index()).allocated_bytes[all].peak;
}

void Serve(const Shape& shape, at::ScalarType dtype, at::Device device) {
  Llama model(ConfigOf(shape), dtype, device);
  model.Initialize(1);
  for (const Parameter& parameter : model.parameters()) {
    at::Tensor(parameter.tensor).set_requires_grad(true);
  }
  Optimizer optimizer(model.parameters(), Masters(model), OptimizerOptions{});
  const TrainingRows rows = RandomRows(shape);
  const double flops = TrainFlopsPerToken(model.config(), shape.length);
  const double peak = device.is_cuda() ? DensePeak(GpuName(device), dtype) : 0;
  int64_t step = 0;
  for (int64_t steps = 0; std::cin >> steps;) {
    std::ostringstream seconds;
    double loss = 0;
    const int64_t faults = Usage().ru_minflt;
    for (int64_t i = 0; i < steps; ++i) {
      const auto start = std::chrono::steady_clock::now();
      const double scale = 1.0 / static_cast<double>(rows.labels.size());
      loss = SumLosses(ForwardBackward(model, rows, scale), rows).all.Mean();
      optimizer.Update(++step, 3e-4, optimizer.GradientNorm());
      if (device.is_cuda()) at::accelerator::synchronizeDevice(device.index());
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      seconds << (i > 0 ? ", " : "") << took.count();
    }
    std::cout << "{\"seconds\": [" << seconds.str() << "], \"loss\": " << loss
              << ", \"peak_bytes\": " << PeakBytes(device)
              << ", \"page_faults\": " << (Usage().ru_minflt - faults) / steps
              << ", \"flops_per_token\": " << flops << ", \"peak_flops\": " << peak << "}"
              << std::endl;
  }
}

}  // namespace
}  // namespace meap

int main(int argc, char** argv) {
  try {
    if (argc != 5) throw std::runtime_error("usage: step_bench SHAPE f32|bf16 THREADS cpu|cuda");
    at::set_num_threads(std::stoi(argv[3]));
    const bool narrow = std::string(argv[2]) == "bf16";
    meap::Serve(meap::ParseShape(argv[1]), narrow ? at::kBFloat16 : at::kFloat,
                meap::ParseDevice(argv[4], "DEVICE"));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
}
