#include "nn/packed_weight.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "core/error.h"
#include "nn/dispatch.h"

namespace meap {
namespace {

constexpr int64_t kRows = PackedTiles::kRows;
constexpr int64_t kColumns = PackedTiles::kColumns;

/// Codes below it are distances from the largest exponent; it is exponent 0: zeros, and numbers
/// below all normal ones.
constexpr int kZeroCode = 15;

/// One step in so many may be wide: it costs twice what a packed one spares.
constexpr size_t kPacksPerWide = 8;

/// Tiles that outweigh handing them to another thread.
constexpr int64_t kGrainTiles = 64;

constexpr int ExponentOf(uint16_t bits) { return bits >> 7 & 0xFF; }

int LargestExponent(const uint16_t* row, int64_t width) {
  int largest = 0;
  for (int64_t i = 0; i < width; ++i) largest = std::max(largest, ExponentOf(row[i]));
  return largest;
}

/// One row of a step, up to kColumns numbers: a byte each of sign and mantissa, and 16 bytes of
/// codes, the i-th in bits 4 (i / 8) of 16-bit word i % 8. False where some number is too small.
bool PackRow(const uint16_t* numbers, int64_t count, int largest, uint8_t* bytes, uint16_t* codes) {
  int code[kColumns];
  int farthest = 0;
  for (int64_t i = 0; i < kColumns; ++i) {
    const uint16_t bits = i < count ? numbers[i] : 0;
    const int exponent = ExponentOf(bits);
    bytes[i] = static_cast<uint8_t>((bits >> 8 & 0x80) | (bits & 0x7F));
    code[i] = exponent == 0 ? kZeroCode : largest - exponent;
    farthest = std::max(farthest, exponent == 0 ? 0 : largest - exponent);
  }
  for (int64_t i = 0; i < 8; ++i) {
    codes[i] =
        static_cast<uint16_t>(code[i] | code[8 + i] << 4 | code[16 + i] << 8 | code[24 + i] << 12);
  }
  return farthest < kZeroCode;
}

/// A weight on its way.
struct Packing {
  const uint16_t* weight;
  int64_t rows;
  int64_t width;
  uint8_t* data;
  uint16_t* largest;

  /// Packs a tile, with zeros beyond the last row; returns the steps that do not fit.
  std::vector<int32_t> Tile(int64_t tile) const {
    const int64_t first = tile * kRows;
    const int64_t live = std::min(kRows, rows - first);
    for (int64_t r = 0; r < kRows; ++r) {
      const int exponent = r < live ? LargestExponent(weight + (first + r) * width, width) : 0;
      largest[first + r] = static_cast<uint16_t>(exponent << 7);
    }
    std::vector<int32_t> wide;
    const int64_t steps = PackedTiles::Steps(width);
    for (int64_t step = 0; step < steps; ++step) {
      if (!Step(first, live, step, data + (tile * steps + step) * PackedTiles::kStepBytes)) {
        wide.push_back(static_cast<int32_t>(step));
      }
    }
    return wide;
  }

  bool Step(int64_t first, int64_t live, int64_t step, uint8_t* to) const {
    auto* const codes = reinterpret_cast<uint16_t*>(to + kRows * kColumns);
    const int64_t column = step * kColumns;
    bool fits = true;
    for (int64_t r = 0; r < kRows; ++r) {
      const int64_t count = r < live ? std::min(kColumns, width - column) : 0;
      fits &= PackRow(weight + (first + r) * width + column, count, largest[first + r] >> 7,
                      to + r * kColumns, codes + r * kColumns / 4);
    }
    return fits;
  }
};

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
  const Packing packing{static_cast<const uint16_t*>(weight_OI.const_data_ptr()), weight_OI.size(0),
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
