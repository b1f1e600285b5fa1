// The `decoder` of a tokenizer.json: from tokens back to text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/json_node.h"
#include "text/span_split.h"

namespace meap {

/// A chain of changes to a list of tokens, which is then joined. Thread-safe.
class TokenDecoder {
 public:
  /// How the text of a growing list of tokens grows, for decoding while tokens arrive.
  enum class Streaming {
    kBytes,  // tokens are bytes one after the other: ByteLevel alone
    kRuns,   // token by token, but for runs of byte tokens, which stand or fall together
    kWhole,  // known at the end only
  };

  /// No decoder: tokens with a space between them.
  TokenDecoder() = default;
  /// Reads the `decoder` object; a type that is not supported is an InputError.
  explicit TokenDecoder(const JsonNode& node);

  std::string Decode(std::vector<std::string> tokens) const;
  Streaming streaming() const;
  /// True when the text is the tokens' ByteLevel bytes and nothing else changes it.
  bool is_byte_level() const { return steps_.size() == 1 && steps_[0].kind == Kind::kByteLevel; }

  /// The byte that a token like "<0x0A>" stands for, or -1.
  static int FallbackByte(std::string_view token);

 private:
  enum class Kind { kByteLevel, kReplace, kByteFallback, kFuse, kStrip, kMetaspace, kBpe };
  struct Step {
    Kind kind;
    std::vector<Pattern> pattern = {};  // Replace: one
    std::string content = {};           // Replace, Strip, Metaspace, BPEDecoder's suffix
    size_t start = 0, stop = 0;         // Strip
    bool drops_first = false;           // Metaspace
  };
  void Add(const JsonNode& node);
  void AddReplaceOrStrip(const JsonNode& node, std::string_view name);
  static void Run(const Step& step, std::vector<std::string>& tokens);

  std::vector<Step> steps_;
  bool joined_with_space_ = true;
};

}  // namespace meap
