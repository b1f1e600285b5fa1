// The `normalizer` of a tokenizer.json.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/json_node.h"
#include "text/span_split.h"

namespace meap {

/// A chain of text changes. Thread-safe.
class Normalizer {
 public:
  Normalizer() = default;
  /// Reads the `normalizer` object; a type that is not supported is an InputError.
  explicit Normalizer(const JsonNode& node);

  bool empty() const { return steps_.empty(); }
  /// Applies all steps.
  std::string Apply(std::string_view text) const;
  /// The same, and in `starts`, for each byte of the result and its end, the byte of `text` it
  /// comes from.
  std::string ApplyWithStarts(std::string_view text, std::vector<size_t>& starts) const;
  /// True when a step may take characters away from the start of a text.
  bool may_cut_start() const;

 private:
  enum class Kind { kPrepend, kReplace, kNfc, kNfd, kNfkc, kNfkd, kLowercase, kStrip, kByteLevel };
  struct Step {
    Kind kind;
    std::string content = {};           // Prepend, Replace
    std::vector<Pattern> pattern = {};  // Replace: one
    bool left = false, right = false;   // Strip
  };
  void Add(const JsonNode& node);
  static std::string Run(const Step& step, std::string text);
  static std::string RunWithStarts(const Step& step, const std::string& text,
                                   std::vector<size_t>& starts);

  std::vector<Step> steps_;
};

}  // namespace meap
