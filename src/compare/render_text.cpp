#include <fmt/format.h>

#include <algorithm>

#include "compare/render.h"
#include "compare/tables.h"
#include "evaltext/python_text.h"

namespace meap {
namespace {

std::vector<size_t> ColumnWidths(const TextTable& table) {
  std::vector<size_t> widths;
  for (size_t c = 0; c < table.header.size(); ++c) {
    size_t width = CountCodePoints(table.header[c]);
    for (const auto& row : table.rows) width = std::max(width, CountCodePoints(row[c]));
    widths.push_back(width);
  }
  return widths;
}

/// Columns of words (task, metric) stand left, numbers right.
bool StandsLeft(const TextTable& table, size_t column) {
  return column == 0 || table.header[column] == "metric";
}

std::string Padded(const std::string& text, size_t width, bool left) {
  const std::string blanks(width - std::min(width, CountCodePoints(text)), ' ');
  return left ? text + blanks : blanks + text;
}

/// Background from dark blue to bright yellow of the 256-colour palette.
std::string Colored(const std::string& text, double share) {
  constexpr int kRamp[] = {17, 18, 24, 30, 36, 71, 107, 143, 179, 221, 227};
  const auto step = static_cast<size_t>(share * (std::size(kRamp) - 1) + 0.5);
  return fmt::format("\x1b[48;5;{};38;5;{}m{}\x1b[0m", kRamp[step], share > 0.6 ? 16 : 231, text);
}

std::string AlignedTable(const TextTable& table, const HeatMap* colors) {
  const std::vector<size_t> widths = ColumnWidths(table);
  std::string text = table.title + "\n";
  const auto line = [&](const std::vector<std::string>& cells, int row) {
    std::string out;
    for (size_t c = 0; c < cells.size(); ++c) {
      std::string cell = Padded(cells[c], widths[c], StandsLeft(table, c));
      if (colors != nullptr && row >= 0 && c > 0) {
        const auto& value = colors->values[static_cast<size_t>(row)][c - 1];
        if (value) cell = Colored(" " + cell + " ", HeatShare(*colors, *value));
      }
      out += (c > 0 ? "  " : "") + cell;
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out + "\n";
  };
  text += line(table.header, -1);
  for (size_t r = 0; r < table.rows.size(); ++r) text += line(table.rows[r], static_cast<int>(r));
  return text;
}

std::string MarkdownCell(const std::string& text) { return ReplaceAll(text, "|", "\\|"); }

std::string MarkdownTable(const TextTable& table) {
  std::string text = "## " + table.title + "\n\n|";
  for (const std::string& name : table.header) text += " " + MarkdownCell(name) + " |";
  text += "\n|";
  for (size_t c = 0; c < table.header.size(); ++c) text += StandsLeft(table, c) ? "---|" : "---:|";
  for (const auto& row : table.rows) {
    text += "\n|";
    for (const std::string& cell : row) text += " " + MarkdownCell(cell) + " |";
  }
  return text + "\n\n";
}

}  // namespace

std::string RenderTerminal(const Comparison& comparison, bool color) {
  std::string text;
  for (const TextTable& table : MakeTables(comparison)) {
    const HeatMap* colors = color && table.heat_map >= 0
                                ? &comparison.heat_maps[static_cast<size_t>(table.heat_map)]
                                : nullptr;
    text += AlignedTable(table, colors) + "\n";
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
  for (const TextTable& table : MakeTables(comparison)) text += MarkdownTable(table);
  for (const std::string& line : Legend(comparison)) text += "- " + line + "\n";
  for (const std::string& note : comparison.notes) text += "- **Note:** " + note + "\n";
  return text;
}

}  // namespace meap
