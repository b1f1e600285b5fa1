// Any bytes as a token shard. Where the first byte is odd the checksums are made right first, so
// that the fuzzer gets behind them: then sizes and document starts must be caught by themselves.
#include <algorithm>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "data/shard.h"

namespace {

uint64_t Number(const std::byte* at) {
  uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

void Put(std::byte* at, uint64_t value) { std::memcpy(at, &value, sizeof value); }

/// Offsets as shard.h tells them: tokens 16, documents 24, block size 32, table hash 40, own 56.
void MakeChecksumsRight(std::vector<std::byte>& file) {
  if (file.size() < 64) return;
  std::memcpy(file.data(), "MEAPTOKS", 8);
  const uint32_t version = 1;
  const uint32_t width = static_cast<uint32_t>(file[12]) % 2 == 0 ? 2 : 4;
  const uint32_t block = meap::kShardBlockBytes;
  std::memcpy(file.data() + 8, &version, 4);
  std::memcpy(file.data() + 12, &width, 4);
  std::memcpy(file.data() + 32, &block, 4);
  const uint64_t room = file.size() - 64;
  const uint64_t tokens = Number(file.data() + 16);
  const uint64_t documents = Number(file.data() + 24);
  if (tokens <= room && documents <= room) {
    const uint64_t payload = (tokens * width + 7) / 8 * 8 + documents * 8;
    const uint64_t blocks = (payload + block - 1) / block;
    if (payload <= room) {
      file.resize(64 + payload + blocks * 8);
      std::byte* table = file.data() + 64 + payload;
      for (uint64_t b = 0; b < blocks; ++b) {
        const uint64_t begin = b * block;
        Put(table + b * 8,
            meap::Hash64(file.data() + 64 + begin, std::min<uint64_t>(block, payload - begin)));
      }
      Put(file.data() + 40, meap::Hash64(table, blocks * 8));
    }
  }
  Put(file.data() + 56, meap::Hash64(file.data(), 56));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> file(bytes + 1, bytes + size);
  if (data[0] % 2 == 1) MakeChecksumsRight(file);
  try {
    const meap::ShardView view(file, "fuzz");
    std::vector<int32_t> tokens(view.header().tokens);
    view.Read(0, tokens.size(), tokens.data());
    uint64_t last = 0;
    for (const uint64_t start : view.DocumentStarts()) {
      if (start < last || (start > 0 && start >= tokens.size())) __builtin_trap();
      last = start;
    }
    view.Verify();
  } catch (const meap::InputError&) {
  }
  return 0;
}
