#include "text/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "core/error.h"
#include "core/strings.h"
#include "text/bpe_model.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace meap {
namespace {

/// Appends the decomposition of each character.
void Decompose(std::string_view text, int options, std::vector<utf8proc_int32_t>& points) {
  for (size_t at = 0; at < text.size(); at += Utf8Length(text[at])) {
    std::array<utf8proc_int32_t, 64> buffer{};  // the longest decomposition has 18 characters
    int boundary_class = UTF8PROC_BOUNDCLASS_START;
    const utf8proc_ssize_t count = utf8proc_decompose_char(
        static_cast<utf8proc_int32_t>(CodePointAt(text.data() + at)), buffer.data(), buffer.size(),
        static_cast<utf8proc_option_t>(options), &boundary_class);
    MEAP_CHECK(count > 0 && static_cast<size_t>(count) <= buffer.size(), utf8proc_errmsg(count));
    points.insert(points.end(), buffer.begin(), buffer.begin() + count);
  }
}

/// Puts each run of combining characters in canonical order. utf8proc does it too, but takes time
/// that grows with the square of a run's length.
void OrderMarks(std::vector<utf8proc_int32_t>& points) {
  const auto combining = [](utf8proc_int32_t c) {
    return utf8proc_get_property(c)->combining_class;
  };
  for (auto at = points.begin(); at != points.end(); ++at) {
    if (combining(*at) == 0) continue;
    const auto end =
        std::find_if(at, points.end(), [&](utf8proc_int32_t c) { return combining(c) == 0; });
    std::stable_sort(at, end, [&](utf8proc_int32_t a, utf8proc_int32_t b) {
      return combining(a) < combining(b);
    });
    at = end - 1;
  }
}

/// Appends the normal form of one stretch of characters that the reference's tables hold.
void AppendNormal(std::string_view text, int options, std::string& out) {
  std::vector<utf8proc_int32_t> points;
  points.reserve(text.size());
  Decompose(text, (options & ~UTF8PROC_COMPOSE) | UTF8PROC_DECOMPOSE, points);
  OrderMarks(points);
  auto count = static_cast<utf8proc_ssize_t>(points.size());
  if ((options & UTF8PROC_COMPOSE) != 0) {
    count = utf8proc_normalize_utf32(points.data(), count, static_cast<utf8proc_option_t>(options));
    MEAP_CHECK(count >= 0, utf8proc_errmsg(count));
  }
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    AppendUtf8(static_cast<uint32_t>(points[static_cast<size_t>(i)]), out);
  }
}

/// Normal form under Unicode 9.0: characters younger than that stay and, having no decomposition
/// and combining class 0 there, part what stands before them from what follows.
std::string Normalize(std::string_view text, int options) {
  const bool ascii =
      std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
  if (ascii) return std::string(text);
  std::string out;
  out.reserve(text.size());
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t length = Utf8Length(text[at]);
    const uint32_t c = CodePointAt(text.data() + at);
    if (c >= 0x80 && !unicode::NormalizerKnows(c)) {
      if (at > begin) AppendNormal(text.substr(begin, at - begin), options, out);
      out.append(text.substr(at, length));
      begin = at + length;
    }
    at += length;
  }
  if (begin < text.size()) AppendNormal(text.substr(begin), options, out);
  return out;
}

std::string Lowercase(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size(); at += Utf8Length(text[at])) {
    const char c = text[at];
    if (static_cast<uint8_t>(c) < 0x80) {
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    } else {
      unicode::AppendLowercase(CodePointAt(text.data() + at), out);
    }
  }
  return out;
}

std::string Strip(std::string_view text, bool left, bool right) {
  const uint8_t* classes = unicode::ClassTable();
  const auto space = [&](size_t at) {
    return (classes[CodePointAt(text.data() + at)] & unicode::kSpace) != 0;
  };
  while (left && !text.empty() && space(0)) text.remove_prefix(Utf8Length(text[0]));
  while (right && !text.empty()) {
    const size_t start = PreviousStart(text, text.size());
    if (!space(start)) break;
    text = text.substr(0, start);
  }
  return std::string(text);
}

std::string ToByteLevel(std::string_view text) {
  std::string out;
  for (const char c : text) AppendUtf8(ByteLevelCharacter(static_cast<uint8_t>(c)), out);
  return out;
}

}  // namespace

Normalizer::Normalizer(const JsonNode& node) { Add(node); }

void Normalizer::Add(const JsonNode& node) {
  const JsonNode type = node.Field("type");
  const std::string_view name = type.String();
  if (name == "Sequence") {
    for (const JsonNode& item : node.Field("normalizers").Items()) Add(item);
  } else if (name == "Prepend") {
    steps_.push_back({Kind::kPrepend, std::string(node.Field("prepend").String())});
  } else if (name == "Replace") {
    Step step{Kind::kReplace, std::string(node.Field("content").String())};
    step.pattern.emplace_back(node.Field("pattern"));
    steps_.push_back(std::move(step));
  } else if (name == "NFC") {
    steps_.push_back({Kind::kNfc});
  } else if (name == "NFD") {
    steps_.push_back({Kind::kNfd});
  } else if (name == "NFKC") {
    steps_.push_back({Kind::kNfkc});
  } else if (name == "NFKD") {
    steps_.push_back({Kind::kNfkd});
  } else if (name == "Lowercase") {
    steps_.push_back({Kind::kLowercase});
  } else if (name == "ByteLevel") {
    steps_.push_back({Kind::kByteLevel});
  } else if (name == "Strip") {
    Step step{Kind::kStrip};
    step.left = node.Field("strip_left").Bool();
    step.right = node.Field("strip_right").Bool();
    steps_.push_back(std::move(step));
  } else {
    type.FailUnsupported(
        "Sequence, Prepend, Replace, NFC, NFD, NFKC, NFKD, Lowercase, Strip or ByteLevel");
  }
}

bool Normalizer::may_cut_start() const {
  return std::any_of(steps_.begin(), steps_.end(), [](const Step& step) {
    return (step.kind == Kind::kStrip && step.left) || step.kind == Kind::kReplace;
  });
}

std::string Normalizer::Run(const Step& step, std::string text) {
  constexpr int kStable = UTF8PROC_STABLE;
  switch (step.kind) {
    case Kind::kPrepend:
      return text.empty() ? text : step.content + text;
    case Kind::kReplace:
      return ReplaceAll(text, step.pattern[0], step.content);
    case Kind::kNfc:
      return Normalize(text, kStable | UTF8PROC_COMPOSE);
    case Kind::kNfd:
      return Normalize(text, kStable | UTF8PROC_DECOMPOSE);
    case Kind::kNfkc:
      return Normalize(text, kStable | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
    case Kind::kNfkd:
      return Normalize(text, kStable | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
    case Kind::kLowercase:
      return Lowercase(text);
    case Kind::kStrip:
      return Strip(text, step.left, step.right);
    case Kind::kByteLevel:
      return ToByteLevel(text);
  }
  return text;
}

std::string Normalizer::RunWithStarts(const Step& step, const std::string& text,
                                      std::vector<size_t>& starts) {
  std::string result;
  // Appends what text[begin, end) became; its bytes come from there, one by one if they are equal.
  const auto append = [&](std::string_view piece, size_t begin, size_t end) {
    const bool same = piece == std::string_view(text).substr(begin, end - begin);
    for (size_t i = 0; i < piece.size(); ++i) starts.push_back(same ? begin + i : begin);
    result += piece;
  };
  if (step.kind == Kind::kPrepend) {
    if (!text.empty()) append(step.content, 0, 0);
    append(text, 0, text.size());
  } else if (step.kind == Kind::kReplace) {
    std::vector<Span> spans;
    step.pattern[0].Cover(text, spans);
    for (const Span& span : spans) {
      const std::string_view old = std::string_view(text).substr(span.begin, span.end - span.begin);
      append(span.match ? std::string_view(step.content) : old, span.begin, span.end);
    }
  } else if (step.kind == Kind::kStrip) {
    const std::string kept = Run(step, text);
    const size_t begin = kept.empty() ? text.size() : text.find(kept);
    append(kept, begin, begin + kept.size());
  } else {
    // Nothing before an ASCII character depends on it, nor the other way round.
    for (size_t begin = 0; begin < text.size();) {
      size_t end = begin + 1;
      while (end < text.size() && static_cast<uint8_t>(text[end]) >= 0x80) ++end;
      const std::string whole = Run(step, text.substr(begin, end - begin));
      std::vector<std::string> characters;  // on their own
      for (size_t at = begin; at < end; at += Utf8Length(text[at])) {
        characters.push_back(Run(step, text.substr(at, Utf8Length(text[at]))));
      }
      if (Join(characters, "") == whole) {
        for (const std::string& character : characters) {
          append(character, begin, begin + Utf8Length(text[begin]));
          begin += Utf8Length(text[begin]);
        }
      } else {
        append(whole, begin, end);
        begin = end;
      }
    }
  }
  starts.push_back(text.size());
  return result;
}

std::string Normalizer::ApplyWithStarts(std::string_view text, std::vector<size_t>& starts) const {
  std::string result(text);
  starts.resize(text.size() + 1);
  std::iota(starts.begin(), starts.end(), size_t{0});
  for (const Step& step : steps_) {
    std::vector<size_t> from;
    result = RunWithStarts(step, result, from);
    for (size_t& start : from) start = starts[start];
    starts = std::move(from);
  }
  return result;
}

std::string Normalizer::Apply(std::string_view text) const {
  std::string result(text);
  for (const Step& step : steps_) result = Run(step, std::move(result));
  return result;
}

}  // namespace meap
