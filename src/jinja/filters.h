// The table of filters, in two parts.
#pragma once

#include <span>
#include <string_view>

#include "jinja/library.h"

namespace meap::jinja {

struct FilterEntry {
  std::string_view name;
  Filter filter;
};

/// The filters that go over sequences.
std::span<const FilterEntry> SequenceFilters();

}  // namespace meap::jinja
