#include "text/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "core/error.h"
#include "core/strings.h"
#include "text/bpe_model.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace meap {
namespace {

/// Appends the normal form of one stretch of characters that the reference's tables hold.
void AppendNormal(std::string_view text, int options, std::string& out) {
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                             static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                                             static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  if (size < 0) {
    throw WorkError({.what = "a text cannot be normalised", .got = utf8proc_errmsg(size)});
  }
  out.append(reinterpret_cast<const char*>(mapped), static_cast<size_t>(size));
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

std::string Normalizer::Apply(std::string_view text) const {
  std::string result(text);
  for (const Step& step : steps_) result = Run(step, std::move(result));
  return result;
}

}  // namespace meap
