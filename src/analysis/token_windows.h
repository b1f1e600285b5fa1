// Windows of a corpus, as a model meets them in pre-training.
#pragma once

#include <string>
#include <vector>

#include "infer/loaded_model.h"

namespace meap {

/// What to read.
struct CorpusOptions {
  std::vector<std::string> inputs;  // document files, globs, folders
  std::string text_field = "text";  // of JSON lines, CSV and Parquet
  std::vector<int64_t> lengths;     // T, tokens; each at least 2
  int64_t windows = 64;             // of each length, at most
};

/// The first tokens of the document stream (BOS where the tokenizer adds one, document, EOS), as
/// many as the windows need or there are. Too few for one window of the longest length, or a length
/// beyond the model's context, is an InputError.
std::vector<int32_t> ReadStream(const LoadedModel& loaded, const CorpusOptions& options);

/// Rows of `length` consecutive tokens, int64 [rows, length] on the CPU: windows [first, first +
/// rows) of the stream.
at::Tensor WindowRows(const std::vector<int32_t>& stream, int64_t length, int64_t first,
                      int64_t rows);

/// Windows of `length` that the stream holds, at most `wanted`.
int64_t WindowCount(const std::vector<int32_t>& stream, int64_t length, int64_t wanted);

/// Windows that fit one forward pass.
int64_t WindowsAPass(int64_t length);

}  // namespace meap
