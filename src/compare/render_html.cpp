#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "compare/render.h"
#include "compare/tables.h"
#include "core/html.h"
#include "evaltext/python_text.h"

namespace meap {
namespace {

// Colours of the runs in charts: distinguishable without red and green.
constexpr std::array<const char*, 6> kRunColors = {"#4269d0", "#efb118", "#6cc5b0",
                                                   "#a463f2", "#97bbf5", "#9c6b4e"};

constexpr std::string_view kStyle = R"(<style>
:root { color-scheme: light dark; --line: #8884; --dim: #777; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; } .left { text-align: left; }
.heat td.cell { border: 1px solid var(--line); text-align: center; min-width: 3rem; }
ul { color: var(--dim); } svg { max-width: 100%; height: auto; }
svg text { fill: currentColor; font: 12px system-ui, sans-serif; }
</style>
)";

/// A cell's colours from pale yellow (worst) over green to dark blue (best).
std::string HeatStyle(double share) {
  struct Color {
    double r, g, b;
  };
  constexpr Color kRamp[] = {
      {255, 255, 217}, {199, 233, 180}, {65, 182, 196}, {34, 94, 168}, {8, 29, 88}};
  const double at = share * (std::size(kRamp) - 1);
  const auto below = std::min(static_cast<size_t>(at), std::size(kRamp) - 2);
  const double t = at - static_cast<double>(below);
  const auto mix = [&](double a, double b) {
    return static_cast<int>(std::lround(a + t * (b - a)));
  };
  const Color& a = kRamp[below];
  const Color& b = kRamp[below + 1];
  return fmt::format("background:rgb({},{},{});color:{}", mix(a.r, b.r), mix(a.g, b.g),
                     mix(a.b, b.b), share > 0.55 ? "#fff" : "#111");
}

std::string HtmlTable(const TextTable& table, const HeatMap* map) {
  std::string html = fmt::format("<h2>{}</h2>\n<div class=scroll><table{}>\n<tr>",
                                 Escaped(table.title), map != nullptr ? " class=heat" : "");
  for (size_t c = 0; c < table.header.size(); ++c) {
    html += fmt::format("<th{}>{}</th>", table.StandsLeft(c) ? " class=left" : "",
                        Escaped(table.header[c]));
  }
  html += "</tr>\n";
  for (size_t r = 0; r < table.rows.size(); ++r) {
    html += "<tr>";
    for (size_t c = 0; c < table.rows[r].size(); ++c) {
      const bool heat = map != nullptr && c > 0;
      const auto value = heat ? map->values[r][c - 1] : std::nullopt;
      const std::string style =
          value ? fmt::format(" style=\"{}\"", HeatStyle(HeatShare(*map, *value))) : "";
      html += fmt::format("<td{}{}>{}</td>",
                          heat                  ? " class=cell"
                          : table.StandsLeft(c) ? " class=left"
                                                : "",
                          style, Escaped(table.rows[r][c]));
    }
    html += "</tr>\n";
  }
  return html + "</table></div>\n";
}

/// Where values stand in a chart.
struct Scale {
  double low = 0;
  double high = 0;
  double top = 20;
  double height = 200;
  double Y(double value) const { return top + height * (high - value) / (high - low); }
};

Scale ScaleOf(const PositionTable& table) {
  Scale scale;
  for (const PositionCell& cell : table.cells) {
    for (const auto& change : cell.relative_change) {
      if (!change) continue;
      scale.low = std::min(scale.low, *change);
      scale.high = std::max(scale.high, *change);
    }
  }
  const double margin = std::max(1.0, 0.1 * (scale.high - scale.low));
  if (scale.low < 0) scale.low -= margin;
  scale.high += margin;
  return scale;
}

/// Bars of the relative change at each position, a colour a run.
std::string RelativeChangeChart(const Comparison& comparison, const PositionTable& table) {
  const size_t others = comparison.runs.size() - 1;
  const auto has_change = [](const PositionCell& cell) {
    return std::any_of(cell.relative_change.begin(), cell.relative_change.end(),
                       [](const auto& change) { return change.has_value(); });
  };
  if (std::none_of(table.cells.begin(), table.cells.end(), has_change)) return "";
  const Scale scale = ScaleOf(table);
  constexpr double kBar = 34;
  const double group = kBar * static_cast<double>(others) + 30;
  const double width = 60 + group * static_cast<double>(table.cells.size());
  const double bottom = scale.top + scale.height;
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=img aria-label=\"relative "
      "change "
      "by position\">\n<line x1=50 x2={0} y1={2:.1f} y2={2:.1f} stroke=currentColor />\n"
      "<text x=44 y={3:.1f} text-anchor=end>0 %</text>\n",
      width, bottom + 40, scale.Y(0), scale.Y(0) + 4);
  for (size_t p = 0; p < table.cells.size(); ++p) {
    const PositionCell& cell = table.cells[p];
    const double x0 = 60 + group * static_cast<double>(p);
    for (size_t r = 1; r <= others; ++r) {
      if (!cell.relative_change[r]) continue;
      const double change = *cell.relative_change[r];
      const double x = x0 + kBar * static_cast<double>(r - 1);
      const double y = std::min(scale.Y(change), scale.Y(0));
      svg += fmt::format(
          "<rect x={:.1f} y={:.1f} width={} height={:.1f} fill=\"{}\"><title>{}: {:+.1f} %</title>"
          "</rect>\n<text x={:.1f} y={:.1f} text-anchor=middle>{:+.0f}</text>\n",
          x, y, kBar - 4, std::abs(scale.Y(change) - scale.Y(0)),
          kRunColors[(r - 1) % kRunColors.size()], Escaped(comparison.runs[r].name), change,
          x + kBar / 2 - 2, change >= 0 ? y - 4 : scale.Y(change) + 14, change);
    }
    svg += fmt::format("<text x={:.1f} y={:.1f} text-anchor=middle>{}</text>\n",
                       x0 + (group - 30) / 2, bottom + 32, Escaped(PositionName(cell.position)));
  }
  svg += "</svg>\n<p>Relative change against " + Escaped(comparison.runs[0].name) +
         " in per cent, by position:";
  for (size_t r = 1; r <= others; ++r) {
    svg += fmt::format(" <span style=\"color:{}\">&#9632;</span> {}",
                       kRunColors[(r - 1) % kRunColors.size()], Escaped(comparison.runs[r].name));
  }
  return svg + "</p>\n";
}

}  // namespace

std::string RenderHtml(const Comparison& comparison) {
  std::string html =
      "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n<meta name=viewport "
      "content=\"width=device-width,initial-scale=1\">\n<title>Comparison of "
      "evaluations</title>\n";
  html += kStyle;
  html += "</head><body>\n<h1>Comparison of evaluations</h1>\n<ul>\n";
  for (const EvalRun& run : comparison.runs) {
    html += fmt::format("<li><b>{}</b>: {}</li>\n", Escaped(run.name),
                        Escaped(run.object.value("model", run.file.string())));
  }
  html += "</ul>\n";
  for (const ComparisonTable& table : MakeTables(comparison)) {
    html += HtmlTable(table.text, table.heat_map >= 0
                                      ? &comparison.heat_maps[static_cast<size_t>(table.heat_map)]
                                      : nullptr);
    if (table.positions >= 0) {
      html += RelativeChangeChart(comparison,
                                  comparison.positions[static_cast<size_t>(table.positions)]);
    }
  }
  html += "<ul>\n";
  for (const std::string& line : Legend(comparison)) html += "<li>" + Escaped(line) + "</li>\n";
  for (const std::string& note : comparison.notes) {
    html += "<li><b>Note:</b> " + Escaped(note) + "</li>\n";
  }
  return html + "</ul>\n</body></html>\n";
}

}  // namespace meap
