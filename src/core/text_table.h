// Tables of text for the terminal and for Markdown.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace meap {

/// A titled table; all rows are as long as the header. Columns of words (the first, and one headed
/// "metric") stand left, the others right.
struct TextTable {
  std::string title;
  std::vector<std::string> header = {};
  std::vector<std::vector<std::string>> rows = {};

  bool StandsLeft(size_t column) const { return column == 0 || header[column] == "metric"; }
};

/// What becomes of a cell, already padded, of a row: colours, for instance.
using CellPainter =
    std::function<std::string(const std::string& padded, size_t row, size_t column)>;

/// The title on a line of its own, then aligned columns.
std::string AlignedText(const TextTable& table, const CellPainter& paint = {});
/// A second-level heading and a GitHub-flavoured Markdown table.
std::string MarkdownText(const TextTable& table);

}  // namespace meap
