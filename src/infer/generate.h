// Texts from a model: decoded answers with stop strings, over the batches of generator.h.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "infer/generator.h"
#include "infer/loaded_model.h"

namespace meap {

/// A prompt to continue, and the texts that end the answer.
struct TextRequest {
  std::vector<int32_t> prompt;  // at least one token
  SamplingOptions sampling;
  std::vector<std::string> stop = {};
};

struct TextResult {
  std::string text;                // without special tokens, up to the first stop string
  std::vector<int32_t> tokens;     // all that were generated but the end token
  Finish finish = Finish::kLimit;  // kCallback: a stop string, or on_text
};

/// Generator for texts: one at a time with a stream, or many at once.
class TextGenerator {
 public:
  /// Called with each piece of an answer as it is certain; whole characters. False ends the answer.
  using OnText = std::function<bool(size_t request, const std::string& piece)>;
  /// Called once for each request, as soon as it is finished.
  using OnFinish = std::function<void(size_t request, const TextResult& result)>;

  /// `model` must outlive it.
  explicit TextGenerator(const LoadedModel& model, const GeneratorOptions& options = {});

  /// Results in the order of the requests; the pieces of a request joined are its text. Errors as
  /// Generator::Run.
  std::vector<TextResult> Run(const std::vector<TextRequest>& requests, const OnText& on_text = {},
                              const OnFinish& on_finish = {});

 private:
  const Tokenizer& tokenizer_;
  Generator generator_;
};

/// The prompt's tokens as the model expects them; an empty text becomes BOS (or EOS). Text that is
/// not UTF-8, or an empty one for a tokenizer without either, is an InputError naming `where`.
std::vector<int32_t> EncodePrompt(const Tokenizer& tokenizer, const std::string& text,
                                  const std::string& where);

}  // namespace meap
