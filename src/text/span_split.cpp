#include "text/span_split.h"

#include <algorithm>

#include "text/unicode.h"
#include "text/utf8.h"

namespace meap {

SplitBehavior ReadSplitBehavior(const JsonNode& node) {
  const std::string_view name = node.String();
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  node.FailUnsupported("Isolated, Removed, MergedWithPrevious, MergedWithNext or Contiguous");
}

Pattern::Pattern(const JsonNode& node) {
  if (const auto text = node.Optional("String")) {
    literal_ = text->String();
    if (literal_.empty()) text->FailUnsupported("a string that is not empty");
  } else if (const auto regex = node.Optional("Regex")) {
    regex_.emplace_back(regex->String(), regex->where());
  } else {
    node.FailExpected("{\"String\": ...} or {\"Regex\": ...}");
  }
}

void Pattern::Cover(std::string_view text, std::vector<Span>& spans) const {
  size_t previous = 0;
  size_t begin = 0;
  size_t end = 0;
  Regex::Cursor cursor;
  const auto find = [&] {
    if (!regex_.empty()) return regex_[0].Find(text, cursor, begin, end);
    begin = text.find(literal_, previous);
    end = begin + literal_.size();
    return begin != std::string_view::npos;
  };
  while (find()) {
    if (previous != begin) spans.push_back({previous, begin, false});
    spans.push_back({begin, end, true});
    previous = end;
  }
  if (previous != text.size()) spans.push_back({previous, text.size(), false});
}

void CoverClass(std::string_view text, uint8_t bits, std::vector<Span>& spans) {
  const uint8_t* classes = unicode::ClassTable();
  size_t previous = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t length = Utf8Length(text[at]);
    if ((classes[CodePointAt(text.data() + at)] & bits) != 0) {
      if (previous < at) spans.push_back({previous, at, false});
      spans.push_back({at, at + length, true});
      previous = at + length;
    }
    at += length;
  }
  if (previous < text.size()) spans.push_back({previous, text.size(), false});
}

void ApplyBehavior(SplitBehavior behavior, std::vector<Span>& spans) {
  const auto merge = [&](bool towards_next, auto joins) {
    if (towards_next) std::reverse(spans.begin(), spans.end());
    bool previous_match = false;
    size_t kept = 0;
    for (size_t i = 0; i < spans.size(); ++i) {
      const Span span = spans[i];
      if (kept > 0 && joins(span.match, previous_match)) {
        (towards_next ? spans[kept - 1].begin : spans[kept - 1].end) =
            towards_next ? span.begin : span.end;
      } else {
        spans[kept++] = span;
      }
      previous_match = span.match;
    }
    spans.resize(kept);
    if (towards_next) std::reverse(spans.begin(), spans.end());
  };
  const auto first_match = [](bool match, bool previous) { return match && !previous; };
  switch (behavior) {
    case SplitBehavior::kIsolated:
      break;
    case SplitBehavior::kRemoved:
      std::erase_if(spans, [](const Span& span) { return span.match; });
      break;
    case SplitBehavior::kContiguous:
      merge(false, [](bool match, bool previous) { return match == previous; });
      break;
    case SplitBehavior::kMergedWithPrevious:
      merge(false, first_match);
      break;
    case SplitBehavior::kMergedWithNext:
      merge(true, first_match);
      break;
  }
  std::erase_if(spans, [](const Span& span) { return span.begin == span.end; });
}

std::string ReplaceAll(std::string_view text, const Pattern& pattern, std::string_view content) {
  std::string out;
  if (const std::string& literal = pattern.literal(); !literal.empty()) {
    out.reserve(text.size() + text.size() / 4 * content.size());
    size_t previous = 0;
    for (size_t at; (at = text.find(literal, previous)) != std::string_view::npos;) {
      out.append(text, previous, at - previous).append(content);
      previous = at + literal.size();
    }
    out.append(text, previous);
    return out;
  }
  std::vector<Span> spans;
  pattern.Cover(text, spans);
  for (const Span& span : spans) {
    out.append(span.match ? content : text.substr(span.begin, span.end - span.begin));
  }
  return out;
}

}  // namespace meap
