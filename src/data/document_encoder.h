// How a document becomes ids: the tokenizer as the data layer sees it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace meap {

/// What preparation needs of a tokenizer.
struct DocumentEncoder {
  /// Appends the ids of a text, without special tokens around it. Called from many threads.
  std::function<void(std::string_view, std::vector<int32_t>&)> append;
  int32_t bos = -1;  // put before each document; -1 for none
  int32_t eos = -1;  // put after each document; required
  uint32_t vocab_size = 0;
  std::string hash;  // changes whenever the ids may change
};

/// The encoder of a tokenizer: BOS where its post-processor adds one; EOS is `eos_token` where that
/// is not empty (InputError when there is no such token), else the tokenizer's own. The hash is the
/// tokenizer's as it is now: load it again, without AddMaskToken(), where hashes are compared.
DocumentEncoder MakeEncoder(std::shared_ptr<const Tokenizer> tokenizer,
                            const std::string& eos_token = {});

}  // namespace meap
