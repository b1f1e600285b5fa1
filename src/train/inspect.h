// What a recipe feeds the model: one batch, as JSON or for the eye.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "config/recipe.h"
#include "objective/rows.h"
#include "text/tokenizer.h"

namespace meap {

/// {"input_ids", "labels", "position_ids", "segment_ids", "sample_ids"}, each rows x T;
/// labels[r][t] is what position t predicts, -100 where there is no loss; padding has segment and
/// sample -1.
nlohmann::ordered_json RowsToJson(const TrainingRows& rows);

/// The text of the rows with the chosen inputs marked: masked, random or kept, and the token that
/// each hides; and, where not every token is learnt, those that are. In colour where wanted.
std::string RowsToText(const TrainingRows& rows, const Tokenizer& tokenizer, bool color);

}  // namespace meap
