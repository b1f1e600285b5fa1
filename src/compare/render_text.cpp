#include <fmt/format.h>

#include "compare/render.h"
#include "compare/tables.h"

namespace meap {
namespace {

/// Background from dark blue to bright yellow of the 256-colour palette.
std::string Colored(const std::string& text, double share) {
  constexpr int kRamp[] = {17, 18, 24, 30, 36, 71, 107, 143, 179, 221, 227};
  const auto step = static_cast<size_t>(share * (std::size(kRamp) - 1) + 0.5);
  return fmt::format("\x1b[48;5;{};38;5;{}m{}\x1b[0m", kRamp[step], share > 0.6 ? 16 : 231, text);
}

/// Colours the cells of a heat map by their values.
CellPainter HeatPainter(const HeatMap& map) {
  return [&map](const std::string& padded, size_t row, size_t column) {
    if (column == 0 || !map.values[row][column - 1]) return padded;
    return Colored(" " + padded + " ", HeatShare(map, *map.values[row][column - 1]));
  };
}

}  // namespace

std::string RenderTerminal(const Comparison& comparison, bool color) {
  std::string text;
  for (const ComparisonTable& table : MakeTables(comparison)) {
    const bool heat = color && table.heat_map >= 0;
    const auto map = static_cast<size_t>(table.heat_map);
    text += AlignedText(table.text, heat ? HeatPainter(comparison.heat_maps[map]) : CellPainter()) +
            "\n";
  }
  for (const std::string& line : Legend(comparison)) text += line + "\n";
  for (const std::string& note : comparison.notes) text += "note: " + note + "\n";
  return text;
}

std::string RenderMarkdown(const Comparison& comparison) {
  std::string text = "# Comparison of evaluations\n\n";
  for (const EvalRun& run : comparison.runs) {
    text += "- " + run.name + ": `" + run.object.value("model", run.file.string()) + "`\n";
  }
  text += "\n";
  for (const ComparisonTable& table : MakeTables(comparison)) text += MarkdownText(table.text);
  for (const std::string& line : Legend(comparison)) text += "- " + line + "\n";
  for (const std::string& note : comparison.notes) text += "- **Note:** " + note + "\n";
  return text;
}

}  // namespace meap
