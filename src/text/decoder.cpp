#include "text/decoder.h"

#include <algorithm>

#include "core/strings.h"
#include "text/bpe_model.h"
#include "text/utf8.h"

namespace meap {
namespace {

constexpr uint32_t kMostCharacters = 1u << 20;

std::string ReplaceText(std::string_view text, std::string_view what, std::string_view with) {
  std::string out;
  size_t at = 0;
  for (size_t found; (found = text.find(what, at)) != std::string_view::npos;) {
    out.append(text, at, found - at).append(with);
    at = found + what.size();
  }
  return out.append(text, at);
}

void JoinByteLevel(std::vector<std::string>& tokens) {
  std::string bytes;
  for (const std::string& token : tokens) bytes += ByteLevelBytes(token).value_or(token);
  tokens.assign(1, ReplaceInvalidUtf8(bytes));
}

void JoinByteFallback(std::vector<std::string>& tokens) {
  std::vector<std::string> joined;
  std::string bytes;
  const auto flush = [&] {
    if (bytes.empty()) return;
    if (IsValidUtf8(bytes)) {
      joined.push_back(bytes);
    } else {
      joined.insert(joined.end(), bytes.size(), "\xEF\xBF\xBD");
    }
    bytes.clear();
  };
  for (std::string& token : tokens) {
    if (const int byte = TokenDecoder::FallbackByte(token); byte >= 0) {
      bytes += static_cast<char>(byte);
    } else {
      flush();
      joined.push_back(std::move(token));
    }
  }
  flush();
  tokens = std::move(joined);
}

/// Takes up to `start` (`stop`) copies of `what` from the start (end).
void StripText(std::string& text, std::string_view what, size_t start, size_t stop) {
  size_t begin = 0;
  while (start-- > 0 && std::string_view(text).substr(begin).starts_with(what)) {
    begin += what.size();
  }
  text.erase(0, begin);
  while (stop-- > 0 && text.ends_with(what)) text.erase(text.size() - what.size());
}

}  // namespace

int TokenDecoder::FallbackByte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  const int high = token[3] == '+' ? 0 : digit(token[3]);  // Rust reads "+5" as a number
  const int low = digit(token[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

TokenDecoder::TokenDecoder(const JsonNode& node) : joined_with_space_(false) { Add(node); }

void TokenDecoder::Add(const JsonNode& node) {
  const JsonNode type = node.Field("type");
  const std::string_view name = type.String();
  if (name == "Sequence") {
    for (const JsonNode& item : node.Field("decoders").Items()) Add(item);
  } else if (name == "ByteLevel") {
    steps_.push_back({Kind::kByteLevel});
  } else if (name == "ByteFallback") {
    steps_.push_back({Kind::kByteFallback});
  } else if (name == "Fuse") {
    steps_.push_back({Kind::kFuse});
  } else if (name == "BPEDecoder") {
    Step step{Kind::kBpe};
    step.content = node.Field("suffix").String();
    if (step.content.empty()) node.Field("suffix").FailUnsupported("a suffix that is not empty");
    steps_.push_back(std::move(step));
  } else if (name == "Metaspace") {
    Step step{Kind::kMetaspace};
    step.content = node.Field("replacement").Character();
    const auto scheme = node.Optional("prepend_scheme");
    step.drops_first = !scheme || scheme->String() != "never";
    steps_.push_back(std::move(step));
  } else {
    AddReplaceOrStrip(node, name);
  }
}

void TokenDecoder::AddReplaceOrStrip(const JsonNode& node, std::string_view name) {
  if (name == "Replace") {
    Step step{Kind::kReplace};
    step.pattern.emplace_back(node.Field("pattern"));
    step.content = node.Field("content").String();
    steps_.push_back(std::move(step));
  } else if (name == "Strip") {
    Step step{Kind::kStrip};
    step.content = node.Field("content").Character();
    step.start = node.Field("start").Integer(kMostCharacters);
    step.stop = node.Field("stop").Integer(kMostCharacters);
    steps_.push_back(std::move(step));
  } else {
    node.Field("type").FailUnsupported(
        "Sequence, ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace or BPEDecoder");
  }
}

TokenDecoder::Streaming TokenDecoder::streaming() const {
  if (is_byte_level()) return Streaming::kBytes;
  if (joined_with_space_) return Streaming::kWhole;
  bool fused = false;
  for (const Step& step : steps_) {
    // Behind Fuse only what looks at the text's first characters keeps earlier text as it is.
    const bool grows = step.kind == Kind::kFuse || step.kind == Kind::kByteFallback ||
                       (step.kind == Kind::kReplace && !fused) ||
                       (step.kind == Kind::kMetaspace && !fused) ||
                       (step.kind == Kind::kStrip && fused && step.stop == 0 && step.start <= 1);
    if (!grows || (step.kind == Kind::kByteFallback && fused)) return Streaming::kWhole;
    fused = fused || step.kind == Kind::kFuse;
  }
  return Streaming::kRuns;
}

void TokenDecoder::Run(const Step& step, std::vector<std::string>& tokens) {
  switch (step.kind) {
    case Kind::kByteLevel:
      JoinByteLevel(tokens);
      return;
    case Kind::kByteFallback:
      JoinByteFallback(tokens);
      return;
    case Kind::kReplace:
      for (std::string& token : tokens) token = ReplaceAll(token, step.pattern[0], step.content);
      return;
    case Kind::kFuse: {
      std::string text;
      for (const std::string& token : tokens) text += token;
      tokens.assign(1, text);
      return;
    }
    case Kind::kStrip:
      for (std::string& token : tokens) StripText(token, step.content, step.start, step.stop);
      return;
    case Kind::kMetaspace:
      for (size_t i = 0; i < tokens.size(); ++i) {
        tokens[i] = ReplaceText(tokens[i], step.content, i == 0 && step.drops_first ? "" : " ");
      }
      return;
    case Kind::kBpe:
      for (size_t i = 0; i < tokens.size(); ++i) {
        tokens[i] = ReplaceText(tokens[i], step.content, i + 1 == tokens.size() ? "" : " ");
      }
  }
}

std::string TokenDecoder::Decode(std::vector<std::string> tokens) const {
  if (joined_with_space_) return Join(tokens, " ");
  for (const Step& step : steps_) Run(step, tokens);
  return Join(tokens, "");
}

}  // namespace meap
