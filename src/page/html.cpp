#include "page/html.h"

#include <fmt/format.h>

namespace meap {

std::string Slug(std::string_view text) {
  std::string slug;
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      slug += static_cast<char>(upper ? c - 'A' + 'a' : c);
    } else if (!slug.empty() && slug.back() != '-') {
      slug += '-';
    }
  }
  while (slug.ends_with('-')) slug.pop_back();
  return slug;
}

std::string TableHtml(const PageTable& table) {
  std::string html = fmt::format(
      "<section class=table id=\"{0}\" aria-labelledby=\"{0}-title\">\n<h3 "
      "id=\"{0}-title\">{1}</h3>\n"
      "<div class=scroll tabindex=0 role=region aria-labelledby=\"{0}-title\"><table>\n<thead><tr>",
      table.id, Escaped(table.title));
  const auto left = [&](size_t c) { return c < table.left_columns ? " class=left" : ""; };
  for (size_t c = 0; c < table.header.size(); ++c) {
    html += fmt::format("<th scope=col{}>{}</th>", left(c), Escaped(table.header[c]));
  }
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (size_t c = 0; c < row.size(); ++c) {
      html += c == 0 ? fmt::format("<th scope=row class=left>{}</th>", Escaped(row[c]))
                     : fmt::format("<td{}>{}</td>", left(c), Escaped(row[c]));
    }
    html += "</tr>\n";
  }
  html += "</tbody></table></div>\n";
  if (!table.note.empty()) html += "<p class=note>" + Escaped(table.note) + "</p>\n";
  return html + "<p class=tools><button type=button class=table-csv>CSV</button></p>\n</section>\n";
}

std::string Unfolding(std::string_view summary, std::string_view html) {
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", Escaped(summary), html);
}

}  // namespace meap
