#include "evaltext/porter.h"

#include <functional>
#include <span>
#include <unordered_map>

namespace meap {
namespace {

bool IsConsonant(std::string_view word, size_t i) {
  const char c = word[i];
  if (c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u') return false;
  return c != 'y' || i == 0 || !IsConsonant(word, i - 1);
}

/// Porter's m: how often a consonant follows a vowel.
int Measure(std::string_view stem) {
  int count = 0;
  for (size_t i = 1; i < stem.size(); ++i) {
    count += !IsConsonant(stem, i - 1) && IsConsonant(stem, i) ? 1 : 0;
  }
  return count;
}

bool HasVowel(std::string_view stem) {
  for (size_t i = 0; i < stem.size(); ++i) {
    if (!IsConsonant(stem, i)) return true;
  }
  return false;
}

bool EndsInDoubleConsonant(std::string_view word) {
  const size_t n = word.size();
  return n >= 2 && word[n - 1] == word[n - 2] && IsConsonant(word, n - 1);
}

/// Consonant, vowel, consonant (not w, x, y) at the end; nltk takes two letters too.
bool EndsInShortSyllable(std::string_view word) {
  const size_t n = word.size();
  if (n == 2) return !IsConsonant(word, 0) && IsConsonant(word, 1);
  return n >= 3 && IsConsonant(word, n - 3) && !IsConsonant(word, n - 2) &&
         IsConsonant(word, n - 1) && word[n - 1] != 'w' && word[n - 1] != 'x' && word[n - 1] != 'y';
}

struct Rule {
  std::string_view suffix;
  std::string_view replacement;
};

/// Applies the first rule whose suffix fits, if the stem before it is long enough.
std::string Apply(std::string_view word, std::span<const Rule> rules,
                  const std::function<bool(std::string_view stem, const Rule&)>& allowed) {
  for (const Rule& rule : rules) {
    if (!word.ends_with(rule.suffix)) continue;
    const std::string_view stem = word.substr(0, word.size() - rule.suffix.size());
    if (!allowed(stem, rule)) break;
    return std::string(stem) + std::string(rule.replacement);
  }
  return std::string(word);
}

/// Plurals.
std::string Step1a(std::string_view word) {
  if (word.ends_with("ies") && word.size() == 4) return std::string(word.substr(0, 3));
  static constexpr Rule kRules[] = {{"sses", "ss"}, {"ies", "i"}, {"ss", "ss"}, {"s", ""}};
  return Apply(word, kRules, [](std::string_view, const Rule&) { return true; });
}

/// What a stem without -ed or -ing ends in: "hopp" becomes "hop", "hop" "hope".
std::string Mend(std::string_view stem) {
  for (const std::string_view ending : {"at", "bl", "iz"}) {
    if (stem.ends_with(ending)) return std::string(stem) + "e";
  }
  if (EndsInDoubleConsonant(stem)) {
    const char last = stem.back();
    const bool keeps = last == 'l' || last == 's' || last == 'z';
    return std::string(keeps ? stem : stem.substr(0, stem.size() - 1));
  }
  const bool takes_e = Measure(stem) == 1 && EndsInShortSyllable(stem);
  return std::string(stem) + (takes_e ? "e" : "");
}

/// Past and -ing.
std::string Step1b(std::string_view word) {
  const auto without = [&](size_t letters) { return word.substr(0, word.size() - letters); };
  if (word.ends_with("ied")) return std::string(without(word.size() == 4 ? 1 : 2));
  if (word.ends_with("eed")) return std::string(Measure(without(3)) > 0 ? without(1) : word);
  if (word.ends_with("ed") && HasVowel(without(2))) return Mend(without(2));
  if (word.ends_with("ing") && HasVowel(without(3))) return Mend(without(3));
  return std::string(word);
}

std::string Step1c(std::string word) {
  const size_t n = word.size();
  if (n > 2 && word[n - 1] == 'y' && IsConsonant(word, n - 2)) word[n - 1] = 'i';
  return word;
}

/// Double suffixes.
std::string Step2(std::string_view word) {
  if (word.ends_with("alli") && Measure(word.substr(0, word.size() - 4)) > 0) {
    return Step2(word.substr(0, word.size() - 2));
  }
  static constexpr Rule kRules[] = {
      {"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"},   {"anci", "ance"},
      {"izer", "ize"},    {"bli", "ble"},     {"alli", "al"},     {"entli", "ent"},
      {"eli", "e"},       {"ousli", "ous"},   {"ization", "ize"}, {"ation", "ate"},
      {"ator", "ate"},    {"alism", "al"},    {"iveness", "ive"}, {"fulness", "ful"},
      {"ousness", "ous"}, {"aliti", "al"},    {"iviti", "ive"},   {"biliti", "ble"},
      {"fulli", "ful"},   {"logi", "log"}};
  return Apply(word, kRules, [&](std::string_view stem, const Rule& rule) {
    const bool keeps_l = rule.suffix == "logi";
    return Measure(keeps_l ? word.substr(0, word.size() - 3) : stem) > 0;
  });
}

std::string Step3(std::string_view word) {
  static constexpr Rule kRules[] = {{"icate", "ic"}, {"ative", ""},  {"alize", "al"},
                                    {"iciti", "ic"}, {"ical", "ic"}, {"ful", ""},
                                    {"ness", ""}};
  return Apply(word, kRules, [](std::string_view stem, const Rule&) { return Measure(stem) > 0; });
}

/// Single suffixes.
std::string Step4(std::string_view word) {
  static constexpr Rule kRules[] = {{"al", ""},    {"ance", ""}, {"ence", ""}, {"er", ""},
                                    {"ic", ""},    {"able", ""}, {"ible", ""}, {"ant", ""},
                                    {"ement", ""}, {"ment", ""}, {"ent", ""},  {"ion", ""},
                                    {"ou", ""},    {"ism", ""},  {"ate", ""},  {"iti", ""},
                                    {"ous", ""},   {"ive", ""},  {"ize", ""}};
  return Apply(word, kRules, [](std::string_view stem, const Rule& rule) {
    const bool fits = rule.suffix != "ion" || stem.ends_with('s') || stem.ends_with('t');
    return Measure(stem) > 1 && fits;
  });
}

/// A final e, and the second of two l.
std::string Step5(std::string word) {
  if (word.ends_with('e')) {
    const std::string_view stem(word.data(), word.size() - 1);
    const int measure = Measure(stem);
    if (measure > 1 || (measure == 1 && !EndsInShortSyllable(stem))) word.pop_back();
  }
  if (word.ends_with("ll") && Measure(std::string_view(word.data(), word.size() - 1)) > 1) {
    word.pop_back();
  }
  return word;
}

}  // namespace

std::string PorterStem(std::string_view word) {
  static const std::unordered_map<std::string_view, std::string_view> kIrregular = {
      {"sky", "sky"},        {"skies", "sky"},        {"dying", "die"},
      {"lying", "lie"},      {"tying", "tie"},        {"news", "news"},
      {"innings", "inning"}, {"inning", "inning"},    {"outings", "outing"},
      {"outing", "outing"},  {"cannings", "canning"}, {"canning", "canning"},
      {"howe", "howe"},      {"proceed", "proceed"},  {"exceed", "exceed"},
      {"succeed", "succeed"}};
  if (const auto found = kIrregular.find(word); found != kIrregular.end()) {
    return std::string(found->second);
  }
  if (word.size() <= 2) return std::string(word);
  return Step5(Step4(Step3(Step2(Step1c(Step1b(Step1a(word)))))));
}

}  // namespace meap
