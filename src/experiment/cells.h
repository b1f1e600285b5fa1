// The cells of an experiment: one training run each.
#pragma once

#include <string>
#include <vector>

#include "config/recipe.h"
#include "experiment/experiment_file.h"

namespace meap {

/// The key whose values are repetitions of a setting, not settings.
inline constexpr const char* kSeedKey = "train.seed";

/// One run of the grid.
struct Cell {
  KeyValues values;          // what the grid gives it, the seed's too
  std::string hash;          // of all that decides its result: names its folder
  Recipe recipe = Recipe();  // resolved, but for the output

  /// "objective.mask_ratio 0.15, train.seed 1"; without the seed where not wanted.
  std::string Name(bool with_seed) const;
  /// The words that a command line puts over the recipe file.
  std::vector<std::string> overrides = {};
  /// Of the cell that this one is compared with (experiment/baseline.h): its hash, and its name
  /// without the seed. Empty: none.
  std::string baseline = {};
  std::string baseline_name = {};
};

/// The cell with these values of grid keys, resolved and checked, whether or not a grid has it.
Cell ResolveCell(const ExperimentFile& file, KeyValues values);

/// Every cell, in the file's order, each recipe resolved and checked. Cells that resolve to the
/// same run are one. Errors of the recipe are InputErrors as ever.
std::vector<Cell> ExpandCells(const ExperimentFile& file);

/// Equal as text or as numbers.
bool SameValue(const std::string& a, const std::string& b);

}  // namespace meap
