#include "evaltext/answers.h"

#include <algorithm>

#include "evaltext/python_text.h"
#include "text/unicode.h"

namespace meap {
namespace {

bool IsAsciiPunctuation(char32_t c) {
  return (c >= 0x21 && c <= 0x2F) || (c >= 0x3A && c <= 0x40) || (c >= 0x5B && c <= 0x60) ||
         (c >= 0x7B && c <= 0x7E);
}

/// \w of the reference's `regex` module: letters, marks, decimal and letter numbers, connectors and
/// the two joiners, but no superscripts or fractions.
bool IsOfWord(char32_t c) { return (unicode::ClassTable()[c] & unicode::kWord) != 0; }

/// Replaces the whole words a, an, the by a blank, as \b(a|an|the)\b does: a word ends where no
/// character of words follows, which is not always at a blank (curly quotes stay).
std::u32string WithoutArticles(const std::u32string& text) {
  std::u32string result;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && IsOfWord(text[end])) ++end;
    if (end == at) {
      result += text[at++];
      continue;
    }
    const std::u32string_view word(text.data() + at, end - at);
    if (word == U"a" || word == U"an" || word == U"the") {
      result += U' ';
    } else {
      result += word;
    }
    at = end;
  }
  return result;
}

std::string JoinWords(std::string_view text) {
  std::string joined;
  for (const std::string_view word : SplitWords(text)) {
    if (!joined.empty()) joined += ' ';
    joined += word;
  }
  return joined;
}

}  // namespace

std::string NormalizeAnswer(std::string_view text) {
  std::u32string code_points = ToCodePoints(LowerText(text));
  std::erase_if(code_points, IsAsciiPunctuation);
  return JoinWords(FromCodePoints(WithoutArticles(code_points)));
}

std::string_view FirstLine(std::string_view response) {
  return StripText(response.substr(0, response.find('\n')));
}

double BestSubspanEm(std::string_view response, const std::vector<std::string>& answers) {
  const std::string normalized = NormalizeAnswer(FirstLine(response));
  return std::any_of(answers.begin(), answers.end(), [&](const std::string& answer) {
    return normalized.find(NormalizeAnswer(answer)) != std::string::npos;
  });
}

double ContainsValue(std::string_view response, std::string_view value) {
  return LowerText(response).find(LowerText(value)) != std::string::npos ? 1 : 0;
}

double AnswerWordsFound(std::string_view response, std::string_view answer) {
  const std::string lower_response = LowerText(response);
  const std::string lower_answer = LowerText(answer);
  const std::vector<std::string_view> words = SplitWords(lower_answer);
  if (words.empty()) return 0;
  const auto found = std::count_if(words.begin(), words.end(), [&](std::string_view word) {
    return lower_response.find(word) != std::string::npos;
  });
  return 100.0 * static_cast<double>(found) / static_cast<double>(words.size());
}

std::optional<std::string> BoxedAnswer(std::string_view response) {
  constexpr std::string_view kBoxed = "\\boxed{";
  const size_t at = response.rfind(kBoxed);
  if (at == std::string_view::npos) return std::nullopt;
  const size_t begin = at + kBoxed.size();
  int depth = 1;
  size_t end = begin;
  for (; end < response.size(); ++end) {
    if (response[end] == '{') ++depth;
    if (response[end] == '}' && --depth == 0) break;
  }
  if (depth != 0) return std::nullopt;
  std::string content(response.substr(begin, end - begin));
  for (size_t text; (text = content.find("\\text{")) != std::string::npos;) {
    const size_t close = content.find('}', text);
    if (close != std::string::npos) content.erase(close, 1);
    content.erase(text, std::string_view("\\text{").size());
  }
  std::erase_if(content, [](char c) { return c == '\\' || c == '"' || c == '\''; });
  return JoinWords(content);
}

bool ContainsWords(std::string_view normalized_text, std::string_view normalized_phrase) {
  return (" " + std::string(normalized_text) + " ")
             .find(" " + std::string(normalized_phrase) + " ") != std::string::npos;
}

}  // namespace meap
