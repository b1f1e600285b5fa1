#include "objective/mask_region.h"

namespace meap {

std::vector<uint8_t> MaskRegions(const TrainingRows& rows) {
  std::vector<uint8_t> regions;
  regions.reserve(rows.masked.size());
  int64_t since = 0;  // inputs since the last masked one
  for (size_t i = 0; i < rows.masked.size(); ++i) {
    const bool fresh = static_cast<int64_t>(i) % rows.length == 0 ||
                       rows.segment_ids[i] != rows.segment_ids[i - 1];
    since = fresh ? kAfterMaskReach + 1 : since + 1;
    if (rows.masked[i] != 0) since = 0;
    const MaskRegion region = since == 0                 ? MaskRegion::kMasked
                              : since <= kAfterMaskReach ? MaskRegion::kAfterMask
                                                         : MaskRegion::kElsewhere;
    regions.push_back(static_cast<uint8_t>(region));
  }
  return regions;
}

}  // namespace meap
