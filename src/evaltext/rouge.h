// ROUGE: overlap of a text with a reference.
#pragma once

#include <string_view>

namespace meap {

/// F-measures from 0 to 1 of single words, of pairs of words, and of the longest common
/// subsequence. Words are runs of a-z and 0-9 of the lower-cased text, those above three characters
/// by their Porter stem, as in the Python package rouge_score with use_stemmer. Lin, "ROUGE", 2004.
struct Rouge {
  double rouge1 = 0;
  double rouge2 = 0;
  double rouge_l = 0;
};
Rouge RougeScores(std::string_view reference, std::string_view text);

}  // namespace meap
