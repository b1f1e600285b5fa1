// English word stems.
#pragma once

#include <string>
#include <string_view>

namespace meap {

/// Porter's stem of a lower-case ASCII word with the extensions that the Python package nltk has by
/// default, as the usual ROUGE scorer takes it. Porter, "An algorithm for suffix stripping", 1980.
std::string PorterStem(std::string_view word);

}  // namespace meap
