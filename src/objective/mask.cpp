#include "objective/mask.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/philox.h"

namespace meap {

int64_t MaskCount(double ratio, int64_t length) {
  MEAP_CHECK(ratio >= 0 && ratio < 1, "mask ratio outside [0, 1)");
  return static_cast<int64_t>(std::floor(ratio * static_cast<double>(length)));
}

std::vector<int32_t> DrawPositions(int64_t count, int64_t length, const SampleKey& key) {
  PhiloxStream random(key.seed, random_stream::kMask, key.epoch, key.sample);
  std::vector<int32_t> positions(length);
  std::iota(positions.begin(), positions.end(), 0);
  for (int64_t i = 0; i < count; ++i) {  // the first `count` steps of a Fisher-Yates shuffle
    std::swap(positions[i], positions[i + random.Below(static_cast<uint32_t>(length - i))]);
  }
  positions.resize(count);
  std::sort(positions.begin(), positions.end());
  return positions;
}

std::vector<int32_t> DrawMaskPositions(double ratio, int64_t length, const SampleKey& key) {
  return DrawPositions(MaskCount(ratio, length), length, key);
}

std::vector<int32_t> MaskInputs(double ratio, int32_t mask_id, const SampleKey& key,
                                std::span<int32_t> inputs) {
  if (ratio == 0) return {};
  auto positions = DrawMaskPositions(ratio, static_cast<int64_t>(inputs.size()), key);
  for (const int32_t position : positions) inputs[position] = mask_id;
  return positions;
}

}  // namespace meap
