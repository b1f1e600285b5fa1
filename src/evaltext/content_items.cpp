#include "evaltext/content_items.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "evaltext/answers.h"
#include "evaltext/python_text.h"

namespace meap {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// The numbers in a word, normalised: runs of digits with points and commas between digits
/// ("$1,500m" -> 1500). Digits of a name ("U2") are none.
std::vector<std::string> NumbersIn(std::string_view word) {
  std::vector<std::string> numbers;
  for (size_t at = 0; at < word.size(); ++at) {
    if (!IsDigit(word[at])) continue;
    size_t end = at + 1;
    const auto goes_on = [&] {
      if (end >= word.size()) return false;
      const bool joint = word[end] == '.' || word[end] == ',';
      return IsDigit(word[end]) || (joint && end + 1 < word.size() && IsDigit(word[end + 1]));
    };
    while (goes_on()) ++end;
    const std::u32string before = ToCodePoints(word.substr(0, at));
    if (before.empty() || !IsWordCharacter(before.back())) {
      numbers.push_back(NormalizeAnswer(word.substr(at, end - at)));
    }
    at = end;
  }
  return numbers;
}

bool IsCapitalised(std::string_view word) {
  const std::u32string code_points = ToCodePoints(word);
  const auto first = std::find_if(code_points.begin(), code_points.end(), IsWordCharacter);
  return first != code_points.end() && IsUpper(*first);
}

/// Titles and the like that are written with a full stop, in lower case.
constexpr std::string_view kAbbreviations[] = {
    "mr",  "mrs", "ms",  "messrs", "dr",   "prof", "st",  "mt",  "sr",   "jr",  "hon", "rev",
    "gen", "sen", "rep", "gov",    "pres", "lt",   "col", "cpt", "capt", "maj", "sgt", "vs"};

bool IsOneOf(char32_t c, std::u32string_view set) {
  return set.find(c) != std::u32string_view::npos;
}

/// What a word ends with but quotes, and what stands before that.
struct WordEnd {
  char32_t sign = 0;
  std::u32string stem = {};
};

WordEnd EndOf(std::string_view word) {
  const std::u32string text = ToCodePoints(word);
  const size_t end = text.find_last_not_of(U"\"'\u2019\u201d\u00bb");
  if (end == std::u32string::npos) return {};
  return {text[end], text.substr(0, end)};
}

/// True for a word whose full stop is its own: a title ("Mr."), an initial ("J."), letters with
/// full stops ("U.S.").
bool IsAbbreviation(const WordEnd& word) {
  if (word.sign != U'.') return false;
  const size_t begin = word.stem.find_first_not_of(U"\"'([{\u2018\u201c\u00ab");
  if (begin == std::u32string::npos) return false;  // "..."
  const std::u32string stem = word.stem.substr(begin);
  if (std::any_of(stem.begin(), stem.end(), [](char32_t c) { return c >= U'0' && c <= U'9'; })) {
    return false;
  }
  const size_t stop = std::min(stem.find(U'.'), stem.size());
  const bool dotted = stem.find_first_not_of(U'.', stop) != std::u32string::npos;
  const std::string lower = LowerText(FromCodePoints(stem));
  return stem.size() == 1 || dotted ||
         std::find(std::begin(kAbbreviations), std::end(kAbbreviations), lower) !=
             std::end(kAbbreviations);
}

/// True for a word after which a sentence begins: behind . ! ? or a colon, closing quotes and
/// brackets aside.
bool EndsSentence(std::string_view word) {
  WordEnd end = EndOf(word);
  while (!end.stem.empty() && IsOneOf(end.sign, U")]}")) {
    end = EndOf(FromCodePoints(end.stem));
  }
  if (end.sign == U'.') return !IsAbbreviation(end);
  return end.sign == U'!' || end.sign == U'?' || end.sign == U':';
}

/// True where a run of capitalised words ends with this one: a comma or a bracket closes a name, an
/// abbreviation's full stop does not.
bool EndsRun(std::string_view word) {
  const WordEnd end = EndOf(word);
  return EndsSentence(word) || IsOneOf(end.sign, U",;)]}");
}

}  // namespace

std::vector<std::string> ContentItems(std::string_view summary) {
  std::vector<std::string> items;
  std::string run;
  const auto finish = [&] {
    if (const std::string item = NormalizeAnswer(run); !item.empty()) items.push_back(item);
    run.clear();
  };
  bool sentence_start = true;
  for (const std::string_view word : SplitWords(summary)) {
    const std::vector<std::string> numbers = NumbersIn(word);
    if (sentence_start || !numbers.empty() || !IsCapitalised(word)) finish();
    items.insert(items.end(), numbers.begin(), numbers.end());
    if (!sentence_start && numbers.empty() && IsCapitalised(word)) {
      if (word.find_first_of("([{") == 0) finish();
      run += (run.empty() ? "" : " ") + std::string(word);
      if (EndsRun(word)) finish();
    }
    sentence_start = EndsSentence(word);
  }
  finish();
  return items;
}

double UnsupportedShare(std::string_view document, std::string_view summary) {
  const std::vector<std::string> items = ContentItems(summary);
  if (items.empty()) return 0;
  const std::string normalized = NormalizeAnswer(document);
  std::set<std::string> numbers;
  for (const std::string_view word : SplitWords(document)) {
    for (std::string& number : NumbersIn(word)) numbers.insert(std::move(number));
  }
  const auto absent = std::count_if(items.begin(), items.end(), [&](const std::string& item) {
    return IsDigit(item[0]) ? !numbers.contains(item) : !ContainsWords(normalized, item);
  });
  return static_cast<double>(absent) / static_cast<double>(items.size());
}

}  // namespace meap
