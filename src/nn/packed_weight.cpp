#include "nn/packed_weight.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "core/error.h"
#include "nn/dispatch.h"
#include "nn/packed_weight_kernel.h"

namespace meap {
namespace {

constexpr int64_t kRows = PackedTiles::kRows;

/// One step in so many may be wide. It is read from two places and fetched by no prediction; that
/// pays for less, but a matrix with so many has rows of few large numbers and is rare.
constexpr size_t kPacksPerWide = 8;

/// Tiles that outweigh handing them to another thread.
constexpr int64_t kGrainTiles = 64;

int64_t Tiles(const at::Tensor& weight_OI) { return (weight_OI.size(0) + kRows - 1) / kRows; }

}  // namespace

bool PackedWeight::Suits(const at::Tensor& weight_OI) {
  return HasKernel(weight_OI) && weight_OI.scalar_type() == at::kBFloat16 &&
         GetCpuLevel() >= CpuLevel::kAvx512Bf16;
}

int64_t PackedWeight::Bytes(const at::Tensor& weight_OI) {
  return Tiles(weight_OI) * PackedTiles::Steps(weight_OI.size(1)) * PackedTiles::kStepBytes;
}

PackedWeight::PackedWeight(const at::Tensor& weight_OI, const at::Tensor& room) : data_(room) {
  MEAP_CHECK(Suits(weight_OI) && weight_OI.is_contiguous(), "bf16 weights without gaps are packed");
  MEAP_CHECK(room.numel() == Bytes(weight_OI), "a packed weight fills its room");
  const int64_t tiles = Tiles(weight_OI);
  const auto options = weight_OI.options();
  largest_ = at::empty({tiles * kRows}, options.dtype(at::kUInt16));
  const Packing packing{static_cast<const Bf16*>(weight_OI.const_data_ptr()), weight_OI.size(0),
                        weight_OI.size(1), data_.mutable_data_ptr<uint8_t>(),
                        largest_.mutable_data_ptr<uint16_t>()};
  std::vector<std::vector<int32_t>> wide(tiles);
  at::parallel_for(0, tiles, kGrainTiles, [&](int64_t begin, int64_t end) {
    for (int64_t tile = begin; tile < end; ++tile) wide[tile] = packing.Tile(tile);
  });
  for (const std::vector<int32_t>& steps : wide) {
    first_wide_.push_back(static_cast<int32_t>(wide_.size()));
    wide_.insert(wide_.end(), steps.begin(), steps.end());
  }
  first_wide_.push_back(static_cast<int32_t>(wide_.size()));
  const auto steps = static_cast<size_t>(tiles * PackedTiles::Steps(weight_OI.size(1)));
  if (wide_.size() > steps / kPacksPerWide) *this = PackedWeight();
}

PackedTiles PackedWeight::tiles() const {
  if (!data_.defined()) return {};
  return {data_.const_data_ptr<uint8_t>(), largest_.const_data_ptr<uint16_t>(), first_wide_.data(),
          wide_.data()};
}

}  // namespace meap
