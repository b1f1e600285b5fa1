// What a recipe feeds the model: one batch, as JSON or for the eye.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "config/recipe.h"
#include "objective/rows.h"
#include "text/tokenizer.h"

namespace meap {

/// Where RowsToJson puts a label: at the position that predicts it (pre-training: inputs are the
/// first T tokens of a window, targets its last T), or at the token that it names, one further on
/// (fine-tuning, and transformers' habit).
enum class LabelPlace { kPredictedFrom, kNamed };

/// {"input_ids", "labels", "position_ids", "segment_ids", "sample_ids"}, each rows x T; labels are
/// -100 where there is no loss; padding has segment and sample -1.
nlohmann::ordered_json RowsToJson(const TrainingRows& rows, LabelPlace place);

/// The text of the rows with the chosen inputs marked: masked, random or kept, and the token that
/// each hides; and, where not every token is learnt, those that are. In colour where wanted.
std::string RowsToText(const TrainingRows& rows, const Tokenizer& tokenizer, bool color);

}  // namespace meap
