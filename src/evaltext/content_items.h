// What a summary can get wrong that a machine can look up: numbers and names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace meap {

/// Numbers, and maximal runs of capitalised words that do not begin a sentence, normalised as
/// answers are (NormalizeAnswer). No sentence begins after a title ("Mr."), an initial or "U.S."; a
/// comma, a semicolon or a bracket ends a run.
std::vector<std::string> ContentItems(std::string_view summary);

/// Share of the summary's content items that are not among the document's numbers, or do not occur
/// in it as words; 0 for none.
double UnsupportedShare(std::string_view document, std::string_view summary);

}  // namespace meap
