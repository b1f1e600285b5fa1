#include "page/figure.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace meap {

using Json = nlohmann::ordered_json;

size_t RunColors::Of(const std::string& run) {
  const auto found = std::find(names_.begin(), names_.end(), run);
  if (found != names_.end()) return static_cast<size_t>(found - names_.begin());
  names_.push_back(run);
  return names_.size() - 1;
}

Json Figure::ToJson() const {
  constexpr const char* kKinds[] = {"lines", "bars", "heat"};
  Json object = {{"id", id},
                 {"kind", kKinds[static_cast<size_t>(kind)]},
                 {"x", x_label},
                 {"y", y_label},
                 {"columns", columns},
                 {"rows", rows},
                 {"series", Json::array()}};
  size_t column = 1;
  for (const FigureSeries& line : series) {
    object["series"].push_back({{"name", line.name},
                                {"column", column},
                                {"color", line.color},
                                {"dash", line.dash},
                                {"markers", line.markers},
                                {"interval", line.interval}});
    column += line.interval ? 3 : 1;
  }
  if (range) object["range"] = {range->first, range->second};
  return object;
}

void SeriesTable::Add(const std::string& name, const Points& points) {
  columns_.push_back(name);
  points_.push_back(points);
}

void SeriesTable::Fill(Figure& figure) const {
  std::map<double, std::vector<Json>> rows;
  for (size_t s = 0; s < points_.size(); ++s) {
    for (const auto& [x, y] : points_[s]) {
      auto& row = rows[x];
      row.resize(points_.size());
      row[s] = y;
    }
  }
  figure.columns = columns_;
  for (auto& [x, values] : rows) {
    auto& row = figure.rows.emplace_back();
    const bool whole = x == std::floor(x) && std::abs(x) < 0x1p53;
    row.push_back(whole ? Json(static_cast<int64_t>(x)) : Json(x));
    row.insert(row.end(), values.begin(), values.end());
  }
}

SeriesTable::Points Thinned(const SeriesTable::Points& points, size_t most) {
  if (points.size() <= most) return points;
  SeriesTable::Points thinned;
  for (size_t part = 0; part < most; ++part) {
    const size_t begin = points.size() * part / most;
    const size_t end = points.size() * (part + 1) / most;
    double sum = 0;
    for (size_t i = begin; i < end; ++i) sum += points[i].second;
    thinned.emplace_back(points[end - 1].first, sum / static_cast<double>(end - begin));
  }
  return thinned;
}

}  // namespace meap
