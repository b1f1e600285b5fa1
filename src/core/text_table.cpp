#include "core/text_table.h"

#include <algorithm>

namespace meap {
namespace {

/// Code points of a UTF-8 text: what a terminal shows, for all that stands in our tables.
size_t Width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::vector<size_t> ColumnWidths(const TextTable& table) {
  std::vector<size_t> widths;
  for (size_t c = 0; c < table.header.size(); ++c) {
    size_t width = Width(table.header[c]);
    for (const auto& row : table.rows) width = std::max(width, Width(row[c]));
    widths.push_back(width);
  }
  return widths;
}

std::string Padded(const std::string& text, size_t width, bool left) {
  const std::string blanks(width - std::min(width, Width(text)), ' ');
  return left ? text + blanks : blanks + text;
}

std::string MarkdownCell(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return escaped;
}

}  // namespace

std::string AlignedText(const TextTable& table, const CellPainter& paint) {
  const std::vector<size_t> widths = ColumnWidths(table);
  const auto line = [&](const std::vector<std::string>& cells, const auto& painted) {
    std::string out;
    for (size_t c = 0; c < cells.size(); ++c) {
      const std::string cell = Padded(cells[c], widths[c], table.StandsLeft(c));
      out += (c > 0 ? "  " : "") + painted(cell, c);
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out + "\n";
  };
  std::string text = table.title + "\n";
  text += line(table.header, [](const std::string& cell, size_t) { return cell; });
  for (size_t r = 0; r < table.rows.size(); ++r) {
    text += line(table.rows[r], [&](const std::string& cell, size_t c) {
      return paint ? paint(cell, r, c) : cell;
    });
  }
  return text;
}

std::string MarkdownText(const TextTable& table) {
  std::string text = "## " + table.title + "\n\n|";
  for (const std::string& name : table.header) text += " " + MarkdownCell(name) + " |";
  text += "\n|";
  for (size_t c = 0; c < table.header.size(); ++c) text += table.StandsLeft(c) ? "---|" : "---:|";
  for (const auto& row : table.rows) {
    text += "\n|";
    for (const std::string& cell : row) text += " " + MarkdownCell(cell) + " |";
  }
  return text + "\n\n";
}

}  // namespace meap
