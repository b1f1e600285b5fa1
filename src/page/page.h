// The report: one HTML page that needs nothing from elsewhere.
#pragma once

#include <string>
#include <vector>

#include "page/figure.h"
#include "page/html.h"

namespace meap {

/// A part of the page. Its pieces stand in the order in which they were added.
class PageSection {
 public:
  explicit PageSection(std::string title) : title_(std::move(title)) {}

  void AddText(const std::string& text);
  /// HTML as it is; texts in it are escaped already.
  void AddHtml(const std::string& html) { html_ += html; }
  void AddTable(const PageTable& table) { html_ += TableHtml(table); }
  /// Figures without a number in them are left out.
  void AddFigure(Figure figure);

  const std::string& title() const { return title_; }
  const std::string& html() const { return html_; }
  const std::vector<Figure>& figures() const { return figures_; }
  bool empty() const { return html_.empty(); }

 private:
  std::string title_;
  std::string html_;
  std::vector<Figure> figures_;
};

struct PageOptions {
  std::string title;
  /// Seconds after which the page loads itself anew; 0 for a page that is finished.
  double reload = 0;
};

/// The page as HTML; sections with nothing in them are left out. `plotly` is the drawing library,
/// which goes into the page.
std::string RenderPage(const PageOptions& options, const std::vector<PageSection>& sections,
                       std::string_view plotly);

}  // namespace meap
