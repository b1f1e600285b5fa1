#include "data/document_encoder.h"

#include "core/error.h"

namespace meap {

DocumentEncoder MakeEncoder(std::shared_ptr<const Tokenizer> tokenizer,
                            const std::string& eos_token) {
  DocumentEncoder encoder;
  encoder.eos = tokenizer->eos().value_or(-1);
  if (!eos_token.empty()) {
    const auto id = tokenizer->TokenToId(eos_token);
    if (!id) {
      throw InputError({.what = "the tokenizer has no such end-of-text token",
                        .where = "--eos",
                        .expected = "a token of the tokenizer, written as in tokenizer.json",
                        .got = "'" + eos_token + "'",
                        .hint = "look for it under added_tokens in tokenizer.json"});
    }
    encoder.eos = *id;
  }
  if (tokenizer->AddsBos()) encoder.bos = tokenizer->bos().value_or(-1);
  encoder.vocab_size = static_cast<uint32_t>(tokenizer->VocabSize());
  encoder.hash = tokenizer->ContentHash();
  encoder.append = [tokenizer = std::move(tokenizer)](std::string_view text,
                                                      std::vector<int32_t>& ids) {
    tokenizer->Encode(text, false, ids);
  };
  return encoder;
}

}  // namespace meap
