#include "evaltext/rouge.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "evaltext/porter.h"
#include "evaltext/python_text.h"

namespace meap {
namespace {

using Words = std::vector<std::string>;

Words StemmedWords(std::string_view text) {
  constexpr size_t kUnstemmed = 3;
  Words words;
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) words.push_back(word.size() > kUnstemmed ? PorterStem(word) : word);
    word.clear();
  };
  for (const char c : LowerText(text)) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      word += c;
    } else {
      finish();
    }
  }
  finish();
  return words;
}

double FMeasure(double overlap, double reference, double text) {
  if (overlap == 0) return 0;
  const double precision = overlap / text;
  const double recall = overlap / reference;
  return 2 * precision * recall / (precision + recall);
}

std::map<Words, int> CountNgrams(const Words& words, size_t n) {
  std::map<Words, int> counts;
  for (size_t i = 0; i + n <= words.size(); ++i) {
    ++counts[Words(words.begin() + static_cast<std::ptrdiff_t>(i),
                   words.begin() + static_cast<std::ptrdiff_t>(i + n))];
  }
  return counts;
}

double NgramF(const Words& reference, const Words& text, size_t n) {
  if (reference.size() < n || text.size() < n) return 0;
  const std::map<Words, int> wanted = CountNgrams(reference, n);
  int overlap = 0;
  for (const auto& [ngram, count] : CountNgrams(text, n)) {
    const auto found = wanted.find(ngram);
    if (found != wanted.end()) overlap += std::min(count, found->second);
  }
  return FMeasure(overlap, static_cast<double>(reference.size() - n + 1),
                  static_cast<double>(text.size() - n + 1));
}

size_t LongestCommonSubsequence(const Words& a, const Words& b) {
  std::vector<size_t> row(b.size() + 1);
  for (const std::string& word : a) {
    size_t diagonal = 0;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = word == b[j - 1] ? diagonal + 1 : std::max(row[j], row[j - 1]);
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

Rouge RougeScores(std::string_view reference, std::string_view text) {
  const Words wanted = StemmedWords(reference);
  const Words words = StemmedWords(text);
  return {
      .rouge1 = NgramF(wanted, words, 1),
      .rouge2 = NgramF(wanted, words, 2),
      .rouge_l = FMeasure(static_cast<double>(LongestCommonSubsequence(wanted, words)),
                          static_cast<double>(wanted.size()), static_cast<double>(words.size()))};
}

}  // namespace meap
