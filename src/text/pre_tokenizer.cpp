// Running the steps; pre_tokenizer_load.cpp reads them.
#include "text/pre_tokenizer.h"

#include <algorithm>

#include "core/strings.h"
#include "text/bpe_model.h"

namespace meap {
namespace {

constexpr size_t kMaxReserve = 1 << 20;

/// The spans of the Whitespace pre-tokeniser, \w+|[^\w\s]+, white space left out.
void CoverWhitespace(std::string_view text, std::vector<Span>& spans) {
  const uint8_t* classes = unicode::ClassTable();
  int last = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t length = Utf8Length(text[at]);
    const uint8_t bits = classes[CodePointAt(text.data() + at)];
    const int kind = (bits & unicode::kWord) != 0 ? 1 : (bits & unicode::kSpace) != 0 ? 0 : 2;
    if (kind != 0 && kind == last) {
      spans.back().end = at + length;
    } else if (kind != 0) {
      spans.push_back({at, at + length, false});
    }
    last = kind;
    at += length;
  }
}

}  // namespace

bool PreTokenizer::depends_on_start() const {
  return std::any_of(steps_.begin(), steps_.end(), [](const Step& step) {
    return step.kind == Kind::kMetaspace && step.prepend == Prepend::kFirst;
  });
}

void PreTokenizer::Run(size_t index, std::string_view text, bool at_start, const Sink& sink) const {
  if (text.empty()) return;
  if (index == steps_.size()) {
    sink(text);
    return;
  }
  const Step& step = steps_[index];
  const char* const begin = text.data();
  const auto next = [&](std::string_view piece) {
    Run(index + 1, piece, at_start && piece.data() == begin, sink);
  };
  switch (step.kind) {
    case Kind::kGpt2:
    case Kind::kLlama3:
      Scan(step, text, next);
      return;
    case Kind::kMetaspace:
      RunMetaspace(index, text, at_start, sink);
      return;
    case Kind::kPrefixSpace:
      if (text[0] == ' ') {
        Run(index + 1, text, at_start, sink);
      } else {
        Run(index + 1, std::string(1, ' ').append(text), at_start, sink);
      }
      return;
    case Kind::kByteLevel: {
      std::string mapped;
      mapped.reserve(std::min(text.size() * 2, kMaxReserve));
      for (const char c : text) AppendUtf8(ByteLevelCharacter(static_cast<uint8_t>(c)), mapped);
      Run(index + 1, mapped, at_start, sink);
      return;
    }
    default:
      RunSpans(index, text, at_start, sink);
  }
}

void PreTokenizer::RunSpans(size_t index, std::string_view text, bool at_start,
                            const Sink& sink) const {
  const Step& step = steps_[index];
  std::vector<Span> spans;
  switch (step.kind) {
    case Kind::kDigits:
      CoverClass(text, unicode::kNumeric, spans);
      break;
    case Kind::kPunctuation:
      CoverClass(text, unicode::kPunctuation, spans);
      break;
    case Kind::kWhitespaceSplit:
      CoverClass(text, unicode::kSpace, spans);
      break;
    case Kind::kWhitespace:
      CoverWhitespace(text, spans);
      break;
    default:
      step.pattern[0].Cover(text, spans);
  }
  if (step.invert) {
    for (Span& span : spans) span.match = !span.match;
  }
  ApplyBehavior(step.behavior, spans);
  for (const Span& span : spans) {
    Run(index + 1, text.substr(span.begin, span.end - span.begin), at_start && span.begin == 0,
        sink);
  }
}

void PreTokenizer::RunMetaspace(size_t index, std::string_view text, bool at_start,
                                const Sink& sink) const {
  const Step& step = steps_[index];
  const std::string& mark = step.replacement;
  std::string replaced;
  replaced.reserve(text.size() + text.size() / 2 + mark.size());
  const bool marked = text[0] == ' ' || text.starts_with(mark);
  const bool prepend =
      step.prepend == Prepend::kAlways || (step.prepend == Prepend::kFirst && at_start);
  if (prepend && !marked) replaced += mark;
  for (size_t at = 0; at < text.size();) {
    const size_t space = std::min(text.find(' ', at), text.size());
    replaced.append(text, at, space - at);
    if (space < text.size()) replaced += mark;
    at = space + 1;
  }
  if (!step.split) {
    Run(index + 1, replaced, at_start, sink);
    return;
  }
  // Each mark begins a piece.
  const std::string_view view = replaced;
  for (size_t at = 0; at < view.size();) {
    const size_t stop = std::min(view.find(mark, at + 1), view.size());
    Run(index + 1, view.substr(at, stop - at), at_start && at == 0, sink);
    at = stop;
  }
}

}  // namespace meap
