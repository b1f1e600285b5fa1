// The angles of rope.h.
#include <ATen/ATen.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "nn/rope.h"

namespace meap {
namespace {

/// One inverse frequency, scaled as Llama 3.1 does it: long waves are stretched by `factor`, short
/// ones kept, those between blended.
double Llama3Frequency(double frequency, const RopeOptions& options) {
  const double wavelength = 2 * std::numbers::pi / frequency;
  const double context = options.original_max_position_embeddings;
  if (wavelength < context / options.high_freq_factor) return frequency;
  if (wavelength > context / options.low_freq_factor) return frequency / options.factor;
  const double blend = (context / wavelength - options.low_freq_factor) /
                       (options.high_freq_factor - options.low_freq_factor);
  return (1 - blend) * frequency / options.factor + blend * frequency;
}

}  // namespace

RopeTable MakeRopeTable(const RopeOptions& options, int64_t head_dim, int64_t positions,
                        at::Device device) {
  std::vector<float> frequencies(head_dim / 2);
  for (int64_t i = 0; i < head_dim / 2; ++i) {
    double frequency = 1.0 / std::pow(options.theta, static_cast<double>(2 * i) / head_dim);
    if (options.scaling == RopeOptions::Scaling::kLinear) frequency /= options.factor;
    if (options.scaling == RopeOptions::Scaling::kLlama3) {
      frequency = Llama3Frequency(frequency, options);
    }
    frequencies[i] = static_cast<float>(frequency);
  }
  const at::Tensor angles_Pd =
      at::outer(at::arange(positions, at::kFloat), at::tensor(frequencies));
  return {angles_Pd.cos().to(device), angles_Pd.sin().to(device)};
}

}  // namespace meap
