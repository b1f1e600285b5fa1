#include "page/page.h"

#include <fmt/format.h>

#include <algorithm>

#include "page/assets.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

bool HasNumber(const Figure& figure) {
  return std::any_of(figure.rows.begin(), figure.rows.end(), [](const auto& row) {
    return std::any_of(row.begin() + 1, row.end(),
                       [](const Json& cell) { return cell.is_number(); });
  });
}

/// The place that page.js draws a figure in. Its size is fixed before, so nothing moves.
std::string FigureHtml(const Figure& figure) {
  return fmt::format(
      "<figure id=\"{0}\">\n<figcaption><h3>{1}</h3><p>{2}</p></figcaption>\n"
      "<div class=\"plot {3}\" tabindex=0 role=application aria-label=\"{1}. Arrow keys read the "
      "values.\"></div>\n<p class=tools><button type=button class=figure-csv>CSV</button>"
      "<span class=reading aria-live=polite></span></p>\n</figure>\n",
      figure.id, Escaped(figure.title), Escaped(figure.caption),
      figure.kind == Figure::Kind::kHeatMap ? "heat" : "chart");
}

/// JSON that may stand inside of a script element.
std::string ScriptJson(const Json& json) {
  const std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
  std::string safe;
  for (const char c : text) safe += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return safe;
}

/// Not what a table or figure inside it may be called.
std::string SectionId(const PageSection& section) { return Slug("section-" + section.title()); }

std::string Navigation(const std::vector<PageSection>& sections) {
  std::string html = "<nav aria-label=Sections><ul>\n";
  for (const PageSection& section : sections) {
    if (section.empty()) continue;
    html += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", SectionId(section),
                        Escaped(section.title()));
  }
  return html + "</ul></nav>\n";
}

// Nothing may be loaded from anywhere: a page that tried would show it in the console.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: "
    "blob:";

}  // namespace

void PageSection::AddText(const std::string& text) { html_ += "<p>" + Escaped(text) + "</p>\n"; }

void PageSection::AddFigure(Figure figure) {
  if (!HasNumber(figure)) return;
  html_ += FigureHtml(figure);
  figures_.push_back(std::move(figure));
}

std::string RenderPage(const PageOptions& options, const std::vector<PageSection>& sections,
                       std::string_view plotly) {
  Json figures = Json::array();
  std::string body;
  for (const PageSection& section : sections) {
    if (section.empty()) continue;
    body += fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", SectionId(section),
                        Escaped(section.title()), section.html());
    for (const Figure& figure : section.figures()) figures.push_back(figure.ToJson());
  }
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
      "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=color-scheme content=\"light dark\">\n"
      "<meta http-equiv=Content-Security-Policy content=\"{}\">\n<title>{}</title>\n<style>\n",
      kPolicy, Escaped(options.title));
  html += PageStyle();
  html += fmt::format(
      "</style>\n</head>\n<body data-reload=\"{:g}\">\n"
      "<a class=skip href=\"#content\">Skip to content</a>\n<header><h1>{}</h1></header>\n",
      options.reload, Escaped(options.title));
  html += Navigation(sections) + "<main id=content>\n" + body + "</main>\n";
  html += "<noscript><p>The plots need JavaScript; the tables do not.</p></noscript>\n";
  html += "<script type=\"application/json\" id=figures>" + ScriptJson(figures) + "</script>\n";
  html += "<script>";
  html += plotly;
  html += "</script>\n<script>\n";
  html += PageScript();
  return html + "</script>\n</body>\n</html>\n";
}

}  // namespace meap
