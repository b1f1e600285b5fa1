// A figure of the report: a table of numbers, and how it is drawn. The table is what the reader
// gets as CSV, so the picture shows nothing that is not in it.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace meap {

/// A run has one colour on the whole page, whatever the figure: numbers from 0, in the order in
/// which names are first asked for.
class RunColors {
 public:
  size_t Of(const std::string& run);

 private:
  std::vector<std::string> names_;
};

/// A column of a figure's table as a line or a group of bars.
struct FigureSeries {
  std::string name;
  size_t color = 0;            // RunColors
  std::string dash = "solid";  // solid, dash, dot
  bool markers = false;
  bool interval = false;  // the next two columns are its interval's ends, drawn as error bars
};

/// A figure. The first column is x (lines, bars) or the rows' names (heat map); the others are the
/// series, or the heat map's columns.
struct Figure {
  enum class Kind { kLines, kBars, kHeatMap };

  std::string id;  // for links: letters, digits and dashes, different for each figure of a page
  std::string title;
  std::string caption = {};
  Kind kind = Kind::kLines;
  std::string x_label = {};
  std::string y_label = {};
  std::vector<std::string> columns = {};
  std::vector<std::vector<nlohmann::ordered_json>> rows = {};  // numbers, texts, null for nothing
  std::vector<FigureSeries> series = {};  // of the columns in their order; none for a heat map
  /// Smallest and largest value of the colours (heat map) or of y; nothing: those of the data.
  std::optional<std::pair<double, double>> range = {};

  /// What page.js draws from.
  nlohmann::ordered_json ToJson() const;
};

/// Points of several series under one x: rows in ascending x, null where a series has no point.
class SeriesTable {
 public:
  explicit SeriesTable(std::string x_name) : columns_({std::move(x_name)}) {}

  using Points = std::vector<std::pair<double, double>>;
  /// Adds a column. A later point with the same x wins.
  void Add(const std::string& name, const Points& points);
  void Fill(Figure& figure) const;

 private:
  std::vector<std::string> columns_;
  std::vector<Points> points_;
};

/// At most `most` points: means over equal parts of the series, each at its last x.
SeriesTable::Points Thinned(const SeriesTable::Points& points, size_t most);

}  // namespace meap
