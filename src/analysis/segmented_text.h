// A text in named segments, as tokens: which segment each token belongs to.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/files.h"
#include "text/tokenizer.h"

namespace meap {

/// A part of a text with a name; parts of one name count together.
struct TextSegment {
  std::string name;
  std::string text;
};

/// The text of the paper's figure of attention over segments: context-before, answer,
/// context-after, query.
std::vector<TextSegment> EiffelTower();

/// Reads {"segments": [{"name", "text"}, ...]}. Anything else, and a name "special", is an
/// InputError with the place.
std::vector<TextSegment> ReadSegments(const fs::path& file);

/// A segmented text as a model reads it.
struct SegmentedTokens {
  std::vector<int32_t> ids;
  std::vector<std::string> names = {};  // of segments, each once, in order of first appearance
  std::vector<int64_t> segment = {};    // of each token: index into names
};

/// Encodes the joined text as a whole, with the tokenizer's special tokens around it. A token
/// belongs to the segment that holds its first character, special tokens that the tokenizer adds to
/// a segment "special", which stands first where there are any.
SegmentedTokens EncodeSegments(const Tokenizer& tokenizer,
                               const std::vector<TextSegment>& segments);

}  // namespace meap
