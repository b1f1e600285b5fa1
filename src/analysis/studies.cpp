#include "analysis/studies.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "core/console.h"
#include "core/error.h"
#include "objective/mask.h"

namespace meap {
namespace {

/// Runs the model over windows `ids_RT` and shows `observers` its attention.
void Watch(const LoadedModel& loaded, const at::Tensor& ids_RT,
           std::vector<AttentionObserver*> observers) {
  const int64_t rows = ids_RT.size(0), length = ids_RT.size(1);
  AttentionStream stream(rows, length, std::move(observers));
  const at::Tensor positions_N = at::arange(length, at::kLong).repeat({rows}).to(loaded.device);
  loaded.model.Forward(ids_RT.reshape({-1}).to(loaded.device), positions_N, stream);
}

void CheckRatio(double ratio, int64_t length) {
  const int64_t masked = MaskCount(ratio, length);
  if (masked > 0 && length - masked > 1) return;
  throw InputError({.what = fmt::format("ratio {} masks {} of {} tokens", ratio, masked, length),
                    .where = "--ratio",
                    .expected = "at least one masked token and at least two others"});
}

at::Tensor MaskedPlaces(const std::vector<std::vector<int32_t>>& positions, int64_t first,
                        int64_t rows, int64_t length) {
  at::Tensor masked_RT = at::zeros({rows, length}, at::kBool);
  auto places = masked_RT.accessor<bool, 2>();
  for (int64_t r = 0; r < rows; ++r) {
    for (const int32_t position : positions[static_cast<size_t>(first + r)]) {
      places[r][position] = true;
    }
  }
  return masked_RT;
}

MaskStatistics Joined(const std::vector<MaskStatistics>& parts) {
  std::vector<at::Tensor> received, variance;
  for (const MaskStatistics& part : parts) {
    received.push_back(part.received_RLH);
    variance.push_back(part.variance_RLH);
  }
  return {at::cat(received), at::cat(variance)};
}

/// All ratios at one length: X is run once for all of them.
class LengthStudy {
 public:
  LengthStudy(const LoadedModel& loaded, int64_t length, int64_t windows,
              const std::vector<double>& ratios, uint64_t seed)
      : loaded_(loaded), effects_(ratios.size()), parts_(ratios.size()) {
    for (size_t k = 0; k < ratios.size(); ++k) {
      effects_[k] = {.length = length, .ratio = ratios[k], .masked = {}};
      for (int64_t w = 0; w < windows; ++w) {
        effects_[k].masked.push_back(
            DrawMaskPositions(ratios[k], length, {seed, 0, static_cast<uint64_t>(w)}));
      }
    }
  }

  void AddRows(const at::Tensor& ids_RT, int64_t first) {
    const int64_t layers = loaded_.model.config().num_hidden_layers;
    const int64_t heads = loaded_.model.config().num_attention_heads;
    std::vector<std::unique_ptr<MaskEffectObserver>> originals;
    std::vector<AttentionObserver*> observers;
    for (size_t k = 0; k < effects_.size(); ++k) {
      const at::Tensor masked_RT =
          MaskedPlaces(effects_[k].masked, first, ids_RT.size(0), ids_RT.size(1));
      const at::Tensor on_device_RT = masked_RT.to(loaded_.device);
      originals.push_back(std::make_unique<MaskEffectObserver>(on_device_RT, layers, heads));
      observers.push_back(originals.back().get());
      MaskEffectObserver with_masks(on_device_RT, layers, heads);
      Watch(loaded_, ids_RT.masked_fill(masked_RT, *loaded_.tokenizer.mask()), {&with_masks});
      parts_[k].with_masks.push_back(with_masks.Result());
    }
    Watch(loaded_, ids_RT, observers);
    for (size_t k = 0; k < effects_.size(); ++k) {
      parts_[k].original.push_back(originals[k]->Result());
    }
  }

  std::vector<MaskEffect> Finish() {
    for (size_t k = 0; k < effects_.size(); ++k) {
      effects_[k].original = Joined(parts_[k].original);
      effects_[k].with_masks = Joined(parts_[k].with_masks);
    }
    return std::move(effects_);
  }

 private:
  struct Parts {
    std::vector<MaskStatistics> original;
    std::vector<MaskStatistics> with_masks;
  };
  const LoadedModel& loaded_;
  std::vector<MaskEffect> effects_;
  std::vector<Parts> parts_;
};

}  // namespace

std::vector<MaskEffect> MeasureMaskEffects(const LoadedModel& loaded,
                                           const std::vector<int32_t>& stream,
                                           const CorpusOptions& corpus,
                                           const std::vector<double>& ratios, uint64_t seed) {
  const at::NoGradGuard no_grad;
  for (const int64_t length : corpus.lengths) {
    for (const double ratio : ratios) CheckRatio(ratio, length);
  }
  std::vector<MaskEffect> effects;
  for (const int64_t length : corpus.lengths) {
    const int64_t windows = WindowCount(stream, length, corpus.windows);
    LengthStudy study(loaded, length, windows, ratios, seed);
    ProgressBar bar(fmt::format("attention at {}", length), static_cast<uint64_t>(windows),
                    "windows");
    for (int64_t first = 0; first < windows; first += WindowsAPass(length)) {
      const int64_t rows = std::min(WindowsAPass(length), windows - first);
      study.AddRows(WindowRows(stream, length, first, rows), first);
      bar.Update(static_cast<uint64_t>(first + rows));
    }
    for (MaskEffect& effect : study.Finish()) effects.push_back(std::move(effect));
  }
  return effects;
}

std::vector<AttentionProfile> MeasureProfiles(const LoadedModel& loaded,
                                              const std::vector<int32_t>& stream,
                                              const CorpusOptions& corpus) {
  const at::NoGradGuard no_grad;
  const LlamaConfig& config = loaded.model.config();
  std::vector<AttentionProfile> profiles;
  for (const int64_t length : corpus.lengths) {
    const int64_t windows = WindowCount(stream, length, corpus.windows);
    std::vector<at::Tensor> entropy, first_token, distance;
    ProgressBar bar(fmt::format("attention at {}", length), static_cast<uint64_t>(windows),
                    "windows");
    for (int64_t first = 0; first < windows; first += WindowsAPass(length)) {
      const int64_t rows = std::min(WindowsAPass(length), windows - first);
      ProfileObserver observer(rows, length, config.num_hidden_layers, config.num_attention_heads,
                               loaded.device);
      Watch(loaded, WindowRows(stream, length, first, rows), {&observer});
      const ProfileStatistics part = observer.Result();
      entropy.push_back(part.entropy_RLH);
      first_token.push_back(part.first_RLH);
      distance.push_back(part.distance_RLHW);
      bar.Update(static_cast<uint64_t>(first + rows));
    }
    profiles.push_back({length, {at::cat(entropy), at::cat(first_token), at::cat(distance)}});
  }
  return profiles;
}

}  // namespace meap
