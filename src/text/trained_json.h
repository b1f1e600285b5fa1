// The files of a tokenizer that meap has trained.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace meap {

inline constexpr int32_t kTrainedSpecialCount = 4;
/// The special tokens, the bytes, then merges.
constexpr int32_t FirstMergeId() { return kTrainedSpecialCount + 256; }

/// The bytes of a token below FirstMergeId(): a special token's content, or one byte. Bytes have
/// ids in the order of ByteLevel's characters for them.
std::string TrainedToken(int32_t id);

struct TrainedFiles {
  std::string tokenizer_json;
  std::string config_json;
};

/// Writes vocabulary and merges with the pipeline around them.
TrainedFiles WriteTrained(const std::vector<std::pair<int32_t, int32_t>>& merges);

}  // namespace meap
