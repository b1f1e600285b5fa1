// Templates of tasks: texts with fields of a data item in braces, "{question}" or
// "{choices.text}"; "{{" and "}}" are braces.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "evaltext/data_items.h"

namespace meap {

/// The template with its fields filled in. A brace without its other half, or a field that the item
/// lacks, is an InputError.
std::string FillTemplate(std::string_view text, const DataItem& item);

/// The names of the fields, in order. Errors as FillTemplate.
std::vector<std::string> TemplateFields(std::string_view text);

}  // namespace meap
