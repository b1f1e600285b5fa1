// Which cell of an experiment is compared with which.
#pragma once

#include <vector>

#include "experiment/cells.h"

namespace meap {

/// Gives every cell the one that it is compared with: the run that its own values come to with the
/// baseline's in their place (ExperimentFile::baseline), the seed staying as it is. A cell that
/// comes to itself is a baseline, and has none; so has one whose seed no baseline was given.
/// InputErrors: a key that no grid has, the seed, a `setting` that no cell has, and a setting whose
/// baseline is not in the grid.
void PairWithBaselines(const ExperimentFile& file, std::vector<Cell>& cells);

}  // namespace meap
