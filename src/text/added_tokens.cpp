#include "text/added_tokens.h"

#include <algorithm>
#include <array>

#include "core/console.h"
#include "core/error.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace meap {

void TokenMatcher::Add(std::string_view text, size_t value) {
  uint32_t node = 0;
  for (const char c : text) {
    auto& next = nodes_[node].next;
    const std::pair<uint8_t, uint32_t> edge{static_cast<uint8_t>(c), 0};
    auto place = std::lower_bound(next.begin(), next.end(), edge);
    if (place == next.end() || place->first != edge.first) {
      const auto child = static_cast<uint32_t>(nodes_.size());
      next.insert(place, {edge.first, child});
      if (node == 0) first_[edge.first] = child;
      node = child;
      nodes_.emplace_back();
    } else {
      node = place->second;
    }
  }
  if (nodes_[node].value == SIZE_MAX) nodes_[node].value = value;
}

bool TokenMatcher::Find(std::string_view text, size_t from, size_t& begin, size_t& end,
                        size_t& value) const {
  for (size_t start = from; start < text.size(); ++start) {
    uint32_t node = first_[static_cast<uint8_t>(text[start])];
    if (node == 0) continue;
    bool found = false;
    for (size_t at = start + 1;; ++at) {
      if (nodes_[node].value != SIZE_MAX) {
        found = true;
        begin = start;
        end = at;
        value = nodes_[node].value;
      }
      if (at == text.size()) break;
      const auto& next = nodes_[node].next;
      const std::pair<uint8_t, uint32_t> edge{static_cast<uint8_t>(text[at]), 0};
      const auto place = std::lower_bound(next.begin(), next.end(), edge);
      if (place == next.end() || place->first != edge.first) break;
      node = place->second;
    }
    if (found) return true;
  }
  return false;
}

AddedTokens::AddedTokens(const JsonNode& list, const StringTable& vocabulary,
                         const Normalizer& normalizer) {
  for (const JsonNode& item : list.Items()) {
    AddedToken token;
    token.content = item.Field("content").String();
    token.single_word = item.Field("single_word").Bool();
    token.lstrip = item.Field("lstrip").Bool();
    token.rstrip = item.Field("rstrip").Bool();
    token.normalized = item.Field("normalized").Bool();
    token.special = item.Field("special").Bool();
    const JsonNode id = item.Field("id");
    const uint32_t written = id.Integer(0xFFFFFFFFu);
    if (token.content.empty()) continue;
    if (token.special) special_.insert(token.content);
    const auto known = std::find_if(tokens_.begin(), tokens_.end(), [&](const AddedToken& other) {
      return other.content == token.content;
    });
    const int32_t in_vocabulary = vocabulary.Find(token.content);
    token.id = known != tokens_.end() ? known->id
               : in_vocabulary >= 0   ? in_vocabulary
                                      : NextId(vocabulary);
    if (static_cast<uint32_t>(token.id) != written) {
      Warn(id.where() + ": the token \"" + token.content + "\" gets id " +
           std::to_string(token.id) + ", as in Hugging Face tokenizers, not " +
           std::to_string(written));
    }
    if (known != tokens_.end()) {
      *known = token;
    } else {
      tokens_.push_back(token);
    }
  }
  Index(normalizer);
}

int32_t AddedTokens::NextId(const StringTable& vocabulary) const {
  const auto size = static_cast<int32_t>(vocabulary.size());
  int32_t largest = -1;
  for (const AddedToken& token : tokens_) largest = std::max(largest, token.id);
  return largest >= size || size == 0 ? largest + 1 : size;
}

const AddedToken& AddedTokens::Add(AddedToken token, const StringTable& vocabulary,
                                   const Normalizer& normalizer) {
  const int32_t in_vocabulary = vocabulary.Find(token.content);
  token.id = in_vocabulary >= 0 ? in_vocabulary : NextId(vocabulary);
  if (token.special) special_.insert(token.content);
  tokens_.push_back(std::move(token));
  Index(normalizer);
  return tokens_.back();
}

const AddedToken* AddedTokens::FindContent(std::string_view content) const {
  for (const AddedToken& token : tokens_) {
    if (token.content == content) return &token;
  }
  return nullptr;
}

void AddedTokens::Index(const Normalizer& normalizer) {
  raw_ = TokenMatcher();
  normalized_ = TokenMatcher();
  for (const bool special : {true, false}) {  // special ones first, as in the reference
    for (size_t i = 0; i < tokens_.size(); ++i) {
      const AddedToken& token = tokens_[i];
      if (IsSpecial(token.content) != special) continue;
      if (!token.normalized) {
        raw_.Add(token.content, i);
      } else if (const std::string text = normalizer.Apply(token.content); !text.empty()) {
        normalized_.Add(text, i);
      }
    }
  }
}

void AddedTokens::CutRaw(std::string_view text, std::vector<TextPart>& parts) const {
  Cut(text, raw_, parts);
}

void AddedTokens::CutNormalized(std::string_view text, std::vector<TextPart>& parts) const {
  Cut(text, normalized_, parts);
}

void AddedTokens::Cut(std::string_view text, const TokenMatcher& matcher,
                      std::vector<TextPart>& parts) const {
  if (text.empty()) return;
  if (matcher.empty()) {
    parts.push_back({text, -1});
    return;
  }
  const uint8_t* classes = unicode::ClassTable();
  const auto has = [&](size_t at, uint8_t bit) {
    return (classes[CodePointAt(text.data() + at)] & bit) != 0;
  };
  size_t done = 0;
  size_t begin = 0;
  size_t end = 0;
  size_t value = 0;
  for (size_t from = 0; matcher.Find(text, from, begin, end, value); from = end) {
    const AddedToken& token = tokens_[value];
    size_t left = begin;
    size_t right = end;
    if (token.single_word && ((left > 0 && has(PreviousStart(text, left), unicode::kWord)) ||
                              (right < text.size() && has(right, unicode::kWord)))) {
      continue;
    }
    if (token.lstrip) {
      while (left > 0 && has(PreviousStart(text, left), unicode::kSpace)) {
        left = PreviousStart(text, left);
      }
      left = std::max(left, done);
    }
    if (token.rstrip) {
      while (right < text.size() && has(right, unicode::kSpace)) right += Utf8Length(text[right]);
    }
    if (done < left) parts.push_back({text.substr(done, left - done), -1});
    parts.push_back({text.substr(begin, end - begin), token.id});
    done = right;
  }
  if (done < text.size()) parts.push_back({text.substr(done), -1});
}

}  // namespace meap
