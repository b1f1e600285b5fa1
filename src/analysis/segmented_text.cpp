#include "analysis/segmented_text.h"

#include <algorithm>

#include "core/error.h"
#include "core/strings.h"

namespace meap {
namespace {

constexpr const char* kSpecial = "special";

[[noreturn]] void BadFile(const fs::path& file, const std::string& where, const std::string& got) {
  throw InputError({.what = "cannot read the segments",
                    .where = file.string() + where,
                    .expected = R"({"segments": [{"name": "...", "text": "..."}, ...]})",
                    .got = got});
}

/// How many special tokens the tokenizer puts before `plain` to make `whole`.
size_t LeadingSpecials(const std::vector<int32_t>& whole, const std::vector<int32_t>& plain) {
  for (size_t begin = 0; begin + plain.size() <= whole.size(); ++begin) {
    if (std::equal(plain.begin(), plain.end(),
                   whole.begin() + static_cast<std::ptrdiff_t>(begin))) {
      return begin;
    }
  }
  MEAP_CHECK(false, "special tokens changed the encoding of a text");
  return 0;
}

}  // namespace

std::vector<TextSegment> EiffelTower() {
  return {{"context-before",
           "In the heart of Paris, the Eiffel Tower stands tall, symbolizing both the city and the "
           "entire country."},
          {"answer", " Designed by Gustave Eiffel"},
          {"context-after",
           ", it was completed in 1889 for the World's Fair. Originally criticized for its unusual "
           "design, it has since become one of the most recognizable landmarks in the world. "
           "Tourists from all over the globe visit it every year, making it one of the most "
           "photographed monuments."},
          {"query", " question: Who designed the Eiffel Tower?"}};
}

std::vector<TextSegment> ReadSegments(const fs::path& file) {
  const auto document = nlohmann::json::parse(ReadFile(file, "segments"), nullptr, false);
  if (document.is_discarded()) BadFile(file, "", "text that is no JSON");
  if (!document.is_object() || !document.contains("segments") || !document["segments"].is_array() ||
      document["segments"].empty()) {
    BadFile(file, "", "no list \"segments\"");
  }
  std::vector<TextSegment> segments;
  size_t bytes = 0;
  for (const auto& item : document["segments"]) {
    const std::string where = ": segments[" + std::to_string(segments.size()) + "]";
    for (const char* key : {"name", "text"}) {
      if (!item.is_object() || !item.contains(key) || !item[key].is_string()) {
        BadFile(file, where, std::string("no text under \"") + key + "\"");
      }
    }
    segments.push_back({item["name"].get<std::string>(), item["text"].get<std::string>()});
    bytes += segments.back().text.size();
    if (segments.back().name == kSpecial) {
      throw InputError({.what = "the segment name \"special\" is taken",
                        .where = file.string() + where,
                        .hint = "it stands for the tokenizer's own tokens; choose another name"});
    }
  }
  if (bytes == 0) BadFile(file, "", "segments without any text");
  return segments;
}

SegmentedTokens EncodeSegments(const Tokenizer& tokenizer,
                               const std::vector<TextSegment>& segments) {
  std::string text;
  std::vector<size_t> ends;
  for (const TextSegment& segment : segments) {
    text += segment.text;
    ends.push_back(text.size());
  }
  std::vector<size_t> first;
  const std::vector<int32_t> plain = tokenizer.EncodeWithStarts(text, first);
  SegmentedTokens tokens{.ids = tokenizer.Encode(text, /*add_special=*/true)};
  const size_t leading = LeadingSpecials(tokens.ids, plain);
  const auto index_of = [&](const std::string& name) {
    const auto found = std::find(tokens.names.begin(), tokens.names.end(), name);
    if (found == tokens.names.end()) tokens.names.push_back(name);
    return std::distance(tokens.names.begin(),
                         std::find(tokens.names.begin(), tokens.names.end(), name));
  };
  if (tokens.ids.size() > plain.size()) index_of(kSpecial);
  for (const TextSegment& segment : segments) index_of(segment.name);
  for (size_t i = 0; i < tokens.ids.size(); ++i) {
    const bool special = i < leading || i >= leading + plain.size();
    if (special) {
      tokens.segment.push_back(index_of(kSpecial));
      continue;
    }
    // The segment whose end is the first beyond the token's first byte; a token without characters
    // of its own at the very end belongs to the last.
    const auto end = std::upper_bound(ends.begin(), ends.end(), first[i - leading]);
    const size_t at = std::min<size_t>(std::distance(ends.begin(), end), segments.size() - 1);
    tokens.segment.push_back(index_of(segments[at].name));
  }
  return tokens;
}

}  // namespace meap
