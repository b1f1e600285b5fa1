// A recipe's objective, with what its mask policy must know of the tokenizer.
#pragma once

#include <memory>

#include "config/recipe.h"
#include "objective/rows.h"
#include "text/tokenizer.h"

namespace meap {

/// Word starts (tokens written with a leading space, in any tokenizer's way, or a line break), the
/// special ids, and all others that have a token, of a tokenizer with its [MASK].
TokenTraits ReadTokenTraits(const Tokenizer& tokenizer);

/// The objective of a run of `steps` optimizer steps. A policy that the recipe's sequences are too
/// short for, or that finds no ordinary token, is an InputError.
PretrainObjective MakeObjective(const Recipe& recipe, const Tokenizer& tokenizer, int32_t mask_id,
                                int64_t steps);

}  // namespace meap
