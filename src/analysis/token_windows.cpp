#include "analysis/token_windows.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/console.h"
#include "core/error.h"
#include "core/strings.h"
#include "data/document_encoder.h"
#include "data/readers.h"

namespace meap {
namespace {

void AppendDocuments(const fs::path& file, const CorpusOptions& options,
                     const DocumentEncoder& encoder, size_t wanted, std::vector<int32_t>& stream) {
  const auto reader = OpenDocuments(file, {.text_field = options.text_field});
  std::string_view text;
  while (stream.size() < wanted && reader->Next(text)) {
    if (encoder.bos >= 0) stream.push_back(encoder.bos);
    encoder.append(text, stream);
    if (encoder.eos >= 0) stream.push_back(encoder.eos);
  }
}

}  // namespace

std::vector<int32_t> ReadStream(const LoadedModel& loaded, const CorpusOptions& options) {
  const int64_t longest = *std::max_element(options.lengths.begin(), options.lengths.end());
  const int64_t context = loaded.model.config().max_position_embeddings;
  if (longest > context) {
    throw InputError({.what = "a length exceeds the model's context",
                      .where = "--length",
                      .expected = fmt::format("at most {} (max_position_embeddings)", context),
                      .got = std::to_string(longest)});
  }
  // The encoder wants to share the tokenizer; it lives as long as `loaded`, which outlives it.
  const std::shared_ptr<const Tokenizer> tokenizer(std::shared_ptr<void>(), &loaded.tokenizer);
  const DocumentEncoder encoder = MakeEncoder(tokenizer);
  const auto wanted = static_cast<size_t>(longest * options.windows);
  std::vector<int32_t> stream;
  for (const fs::path& file : ExpandInputs(options.inputs)) {
    if (stream.size() >= wanted) break;
    AppendDocuments(file, options, encoder, wanted, stream);
  }
  if (static_cast<int64_t>(stream.size()) < longest) {
    throw InputError({.what = "the input is shorter than one window",
                      .where = Join(options.inputs, ", "),
                      .expected = fmt::format("at least {} tokens", longest),
                      .got = fmt::format("{} tokens", stream.size()),
                      .hint = "give more text or a smaller --length"});
  }
  if (stream.size() < wanted) {
    Note(fmt::format("the input holds {} windows of {} tokens, not {}",
                     WindowCount(stream, longest, options.windows), longest, options.windows));
  }
  return stream;
}

at::Tensor WindowRows(const std::vector<int32_t>& stream, int64_t length, int64_t first,
                      int64_t rows) {
  const auto begin = stream.begin() + first * length;
  return at::tensor(std::vector<int64_t>(begin, begin + rows * length), at::kLong)
      .view({rows, length});
}

int64_t WindowCount(const std::vector<int32_t>& stream, int64_t length, int64_t wanted) {
  return std::min(wanted, static_cast<int64_t>(stream.size()) / length);
}

int64_t WindowsAPass(int64_t length) {
  constexpr int64_t kTokens = 2048;
  return std::max<int64_t>(1, kTokens / length);
}

}  // namespace meap
