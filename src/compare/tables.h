// A comparison as tables of text: what the terminal, Markdown and HTML show.
#pragma once

#include <string>
#include <vector>

#include "compare/comparison.h"
#include "core/text_table.h"

namespace meap {

/// One table of a comparison.
struct ComparisonTable {
  TextTable text;
  /// Of a heat map: which one (index into Comparison::heat_maps), else -1.
  int heat_map = -1;
  /// Of scores by position: which one (index into Comparison::positions), else -1.
  int positions = -1;
};

/// Scores with differences, then by position, then heat maps.
std::vector<ComparisonTable> MakeTables(const Comparison& comparison);

/// What the columns mean, one line each.
std::vector<std::string> Legend(const Comparison& comparison);

/// A position as text.
std::string PositionName(const nlohmann::ordered_json& position);

/// The value's place between 0 (worst) and 1 (best), for a heat map's colour.
double HeatShare(const HeatMap& map, double value);

}  // namespace meap
