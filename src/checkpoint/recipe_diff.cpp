#include <algorithm>
#include <cstdint>
#include <sstream>

#include "checkpoint/train_state.h"

namespace meap {
namespace {

// Every line under its parents' keys: "optimizer:\n  lr: 0.1" gives "optimizer.lr: 0.1". Keys that
// only open a block, blank lines and comments carry nothing of their own.
std::vector<std::string> QualifiedLines(const std::string& recipe) {
  std::vector<std::pair<size_t, std::string>> parents;  // indentation, key
  std::vector<std::string> lines;
  std::istringstream stream(recipe);
  for (std::string line; std::getline(stream, line);) {
    const size_t indent = line.find_first_not_of(' ');
    if (indent == std::string::npos || line[indent] == '#') continue;
    while (!parents.empty() && parents.back().first >= indent) parents.pop_back();
    std::string text = line.substr(indent);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.pop_back();
    if (text.ends_with(':')) {
      parents.emplace_back(indent, text.substr(0, text.size() - 1));
      continue;
    }
    std::string path;
    for (const auto& [width, key] : parents) path += key + ".";
    lines.push_back(path + text);
  }
  return lines;
}

}  // namespace

std::vector<std::string> DiffRecipes(const std::string& old_recipe, const std::string& new_recipe) {
  const std::vector<std::string> before = QualifiedLines(old_recipe);
  const std::vector<std::string> after = QualifiedLines(new_recipe);
  // longest[i][j]: lines in common, in order, of before[i..] and after[j..].
  std::vector<std::vector<uint32_t>> longest(before.size() + 1,
                                             std::vector<uint32_t>(after.size() + 1, 0));
  for (size_t i = before.size(); i-- > 0;) {
    for (size_t j = after.size(); j-- > 0;) {
      longest[i][j] = before[i] == after[j] ? longest[i + 1][j + 1] + 1
                                            : std::max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  std::vector<std::string> lines;
  size_t i = 0;
  size_t j = 0;
  while (i < before.size() || j < after.size()) {
    if (i < before.size() && j < after.size() && before[i] == after[j]) {
      ++i;
      ++j;
    } else if (j == after.size() || (i < before.size() && longest[i + 1][j] >= longest[i][j + 1])) {
      lines.push_back("- " + before[i++]);
    } else {
      lines.push_back("+ " + after[j++]);
    }
  }
  return lines;
}

}  // namespace meap
