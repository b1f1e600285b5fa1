#include "experiment/cells.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include "core/strings.h"

namespace meap {
namespace {

/// Every combination of one grid, the last key fastest.
std::vector<KeyValues> Combinations(const std::vector<Axis>& axes) {
  std::vector<KeyValues> combinations = {{}};
  for (const Axis& axis : axes) {
    std::vector<KeyValues> longer;
    for (const KeyValues& values : combinations) {
      for (const std::string& value : axis.values) {
        longer.push_back(values);
        longer.back().emplace_back(axis.key, value);
      }
    }
    combinations = std::move(longer);
  }
  return combinations;
}

/// Hash of the resolved recipe and of how its data came to be. Places where things are kept and the
/// number of threads do not change a result.
std::string CellHash(Recipe recipe, const ExperimentFile& file) {
  recipe.output.clear();
  recipe.data.cache.clear();
  recipe.train.threads = 0;
  std::string text = file.command + "\n" + recipe.Dump();
  for (const auto& words : file.prepare) text += Join(words, " ") + "\n";
  return HashHex(text.data(), text.size());
}

}  // namespace

std::string Cell::Name(bool with_seed) const {
  std::vector<std::string> parts;
  for (const auto& [key, value] : values) {
    if (key == kSeedKey && !with_seed) continue;
    parts.push_back(key + " " + value);
  }
  return parts.empty() ? "as the recipe" : Join(parts, ", ");
}

Cell ResolveCell(const ExperimentFile& file, KeyValues values) {
  const RecipeTask task =
      file.command == "finetune" ? RecipeTask::kFinetune : RecipeTask::kPretrain;
  Cell cell{.values = std::move(values), .hash = {}};
  for (const KeyValues* part : {&file.set, &std::as_const(cell.values)}) {
    for (const auto& [key, value] : *part) cell.overrides.push_back(key + "=" + value);
  }
  cell.recipe = LoadRecipe(file.recipe, cell.overrides, task);
  cell.hash = CellHash(cell.recipe, file);
  return cell;
}

std::vector<Cell> ExpandCells(const ExperimentFile& file) {
  std::vector<Cell> cells;
  std::set<std::string> seen;
  for (const std::vector<Axis>& grid : file.grids) {
    for (KeyValues& values : Combinations(grid)) {
      Cell cell = ResolveCell(file, std::move(values));
      if (seen.insert(cell.hash).second) cells.push_back(std::move(cell));
    }
  }
  return cells;
}

bool SameValue(const std::string& a, const std::string& b) {
  if (a == b) return true;
  char *end_a = nullptr, *end_b = nullptr;
  const double number_a = std::strtod(a.c_str(), &end_a);
  const double number_b = std::strtod(b.c_str(), &end_b);
  return !a.empty() && !b.empty() && *end_a == 0 && *end_b == 0 && number_a == number_b;
}

}  // namespace meap
