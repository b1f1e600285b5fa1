// Any bytes as JSON Lines, CSV or text: no crash, and every document handed out is UTF-8, not empty
// and within the limit.
#include <algorithm>
#include <cstring>
#include <memory>

#include "core/error.h"
#include "core/strings.h"
#include "data/reader_formats.h"

namespace {

/// The fuzzer's bytes, handed out in pieces of `piece`.
class MemorySource : public meap::ByteSource {
 public:
  MemorySource(std::string_view bytes, size_t piece) : bytes_(bytes), piece_(piece) {}
  size_t Read(char* out, size_t size) override {
    const size_t count = std::min({size, piece_, bytes_.size()});
    if (count > 0) std::memcpy(out, bytes_.data(), count);
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
  size_t piece_;
};

void Check(bool right) {
  if (!right) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const int format = data[0] % 3;
  const size_t piece = data[1] + size_t{1};
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const meap::ReaderOptions options{.text_field = "a.b", .max_document_bytes = 100};
  const auto open = format == 0   ? meap::internal::OpenJsonLines
                    : format == 1 ? meap::internal::OpenCsv
                                  : meap::internal::OpenText;
  try {
    const auto reader = open(std::make_unique<MemorySource>(bytes, piece), "fuzz", options);
    std::string_view text;
    while (reader->Next(text)) {
      Check(!text.empty() && meap::IsValidUtf8(text));
      // A text may be over the limit by what was read at once, up to a separator.
      Check(text.size() <= options.max_document_bytes || format == 2);
    }
  } catch (const meap::InputError&) {
  }
  return 0;
}
