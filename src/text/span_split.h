// Cutting text at matches: what the reference calls a pattern with a split behaviour.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_node.h"
#include "text/regex.h"

namespace meap {

/// What becomes of the matches when text is cut at them.
enum class SplitBehavior { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// Reads "Isolated", "MergedWithNext", ...
SplitBehavior ReadSplitBehavior(const JsonNode& node);

/// A stretch of text, [begin, end), that is a match or lies between two.
struct Span {
  size_t begin;
  size_t end;
  bool match;
};

/// Something that is searched for in text: a fixed string or a regular expression.
class Pattern {
 public:
  /// Reads {"String": ...} or {"Regex": ...}.
  explicit Pattern(const JsonNode& node);

  /// Appends the spans that cover `text`, matches and what lies between them.
  void Cover(std::string_view text, std::vector<Span>& spans) const;
  /// The text when this is a fixed string, else "".
  const std::string& literal() const { return literal_; }

 private:
  std::string literal_;
  std::vector<Regex> regex_;  // one or none
};

/// Appends the spans that cover `text`, each character in `bits` (unicode::ClassBit) a match.
void CoverClass(std::string_view text, uint8_t bits, std::vector<Span>& spans);

/// Turns covering spans into the pieces that stay, in place. Empty pieces go.
void ApplyBehavior(SplitBehavior behavior, std::vector<Span>& spans);

/// `text` with every match of `pattern` replaced.
std::string ReplaceAll(std::string_view text, const Pattern& pattern, std::string_view content);

}  // namespace meap
