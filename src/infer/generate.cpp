#include "infer/generate.h"

#include "core/error.h"
#include "core/strings.h"
#include "infer/text_stream.h"

namespace meap {

TextGenerator::TextGenerator(const LoadedModel& model, const GeneratorOptions& options)
    : tokenizer_(model.tokenizer), generator_(model.model, options) {}

std::vector<TextResult> TextGenerator::Run(const std::vector<TextRequest>& requests,
                                           const OnText& on_text, const OnFinish& on_finish) {
  std::vector<TokenRequest> token_requests;
  std::vector<TextStream> streams;
  std::vector<TextResult> results(requests.size());
  for (const TextRequest& request : requests) {
    token_requests.push_back({request.prompt, request.sampling});
    streams.emplace_back(tokenizer_, request.stop);
  }
  const auto release = [&](size_t i, const std::string& piece) {
    if (piece.empty()) return true;
    results[i].text += piece;
    return !on_text || on_text(i, piece);
  };
  generator_.Run(
      token_requests,
      [&](size_t i, int32_t token) {
        const bool wanted = release(i, streams[i].Push(token));
        return wanted && !streams[i].stopped();
      },
      [&](size_t i, const TokenResult& result) {
        if (result.finish != Finish::kCallback) release(i, streams[i].Finish());
        results[i].tokens = result.tokens;
        results[i].finish = result.finish;
        if (on_finish) on_finish(i, results[i]);
      });
  return results;
}

std::vector<int32_t> EncodePrompt(const Tokenizer& tokenizer, const std::string& text,
                                  const std::string& where) {
  if (!IsValidUtf8(text)) {
    throw InputError({.what = "the prompt is not valid UTF-8", .where = where});
  }
  std::vector<int32_t> prompt = tokenizer.Encode(text, true);
  if (!prompt.empty()) return prompt;
  const auto first = tokenizer.bos() ? tokenizer.bos() : tokenizer.eos();
  if (!first) {
    throw InputError({.what = "an empty prompt needs a BOS or EOS token to start from",
                      .where = where,
                      .hint = "give a prompt"});
  }
  return {*first};
}

}  // namespace meap
