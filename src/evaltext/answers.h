// Scores of free answers, each as its reference tool has it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meap {

/// SQuAD's normalisation: lower case, the 32 ASCII punctuation characters deleted, the whole words
/// a, an, the replaced by a blank, white space collapsed and trimmed.
std::string NormalizeAnswer(std::string_view text);

/// The response up to its first line break, stripped: base models go on with another "Question:"
/// after the answer. The reference strips the whole response before, when it is generated.
std::string_view FirstLine(std::string_view response);

/// 1 when any normalised answer is a substring (not word-aligned) of the response's normalised
/// first line, else 0; an answer that normalises to "" always matches. Liu et al., "Lost in the
/// Middle".
double BestSubspanEm(std::string_view response, const std::vector<std::string>& answers);

/// 1 when the lower-cased value occurs anywhere in the lower-cased response, else 0: key-value
/// retrieval of the same paper.
double ContainsValue(std::string_view response, std::string_view value);

/// Multi-needle reasoning, NeedleBench v1: 100 times the share of the answer's words (split at
/// white space, lower case, repeats counted) that occur as substrings of the lower-cased response.
/// An answer without words scores 0.
double AnswerWordsFound(std::string_view response, std::string_view answer);

/// The content of the last `\boxed{...}` (braces balanced), with `\text{}`, backslashes, quotes and
/// extra blanks removed; nothing when there is none. NeedleBench v2.
std::optional<std::string> BoxedAnswer(std::string_view response);

/// True when the words of `phrase` occur in `text` one after another; both normalised before.
bool ContainsWords(std::string_view normalized_text, std::string_view normalized_phrase);

}  // namespace meap
