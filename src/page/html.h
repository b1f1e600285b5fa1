// Pieces of HTML.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/html.h"

namespace meap {

/// A text as an id or a file's name: lower-case letters, digits and dashes.
std::string Slug(std::string_view text);

/// A table of texts for people; all rows are as long as the header. Its CSV is what it shows.
struct PageTable {
  std::string id;
  std::string title;
  std::vector<std::string> header = {};
  std::vector<std::vector<std::string>> rows = {};
  size_t left_columns = 1;  // that many of the first columns hold words
  std::string note = {};    // below it
};

/// The table with its title, and a button that saves it as CSV.
std::string TableHtml(const PageTable& table);

/// A part that unfolds on a click.
std::string Unfolding(std::string_view summary, std::string_view html);

}  // namespace meap
