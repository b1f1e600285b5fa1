#include "data/content_hash.h"

#include <cstdio>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/signals.h"
#include "data/byte_source.h"

namespace meap {

std::string Hash128::Hex() const {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(high),
                static_cast<unsigned long long>(low));
  return text;
}

Hash128 ContentHash(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

Hash128 HashFile(const fs::path& path) {
  const std::unique_ptr<ByteSource> source = OpenByteSource(path, Compression::kNone);
  std::vector<char> buffer(size_t{1} << 20);
  const auto state = std::make_unique<XXH3_state_t>();
  XXH3_128bits_reset(state.get());
  while (const size_t count = source->Read(buffer.data(), buffer.size())) {
    SignalGuard::StopIfRequested();
    XXH3_128bits_update(state.get(), buffer.data(), count);
  }
  const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
  return {hash.high64, hash.low64};
}

}  // namespace meap
