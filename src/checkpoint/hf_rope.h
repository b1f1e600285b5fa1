// The rotary embedding's part of a config.json, in every spelling of it.
#pragma once

#include "checkpoint/hf_config.h"
#include "checkpoint/json_fields.h"

namespace meap {

/// Sets config.rope_theta and config.rope_scaling; config.max_position_embeddings must be set. The
/// base and the scaling stand at the top level and in rope_scaling (transformers 4), or both in
/// rope_parameters (5). Where two places disagree, transformers' versions differ: an InputError, as
/// are ways of scaling that are not supported.
void ReadRope(const JsonFields& fields, LlamaConfig& config);

}  // namespace meap
