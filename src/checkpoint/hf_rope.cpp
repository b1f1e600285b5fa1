#include "checkpoint/hf_rope.h"

#include <algorithm>
#include <optional>
#include <string>

namespace meap {
namespace {

using nlohmann::json;

RopeScaling::Kind RopeKind(const JsonFields& rope) {
  const json* type = rope.Find("rope_type");
  const json* old_type = rope.Find("type");
  if (type != nullptr && old_type != nullptr && *type != *old_type) {
    rope.Fail("type", "the same as rope_type, " + type->dump());
  }
  if (type == nullptr) type = old_type;
  if (type == nullptr && rope.Find("factor") == nullptr) return RopeScaling::Kind::kDefault;
  if (type == nullptr) rope.Fail("rope_type", "\"default\", \"linear\" or \"llama3\"");
  if (*type == "default") return RopeScaling::Kind::kDefault;
  if (*type == "linear") return RopeScaling::Kind::kLinear;
  if (*type == "llama3") return RopeScaling::Kind::kLlama3;
  rope.Fail(type == old_type ? "type" : "rope_type", "\"default\", \"linear\" or \"llama3\"",
            "other ways of stretching rotary embeddings are not supported");
}

RopeScaling ReadRopeScaling(const JsonFields& rope, const JsonFields& top,
                            const LlamaConfig& config) {
  RopeScaling scaling{.kind = RopeKind(rope)};
  if (scaling.kind == RopeScaling::Kind::kDefault) return scaling;
  if (rope.Find("factor") == nullptr) rope.Fail("factor", "a number above 0");
  scaling.factor = rope.Positive("factor", 1);
  if (scaling.kind == RopeScaling::Kind::kLinear) return scaling;
  for (const char* name : {"low_freq_factor", "high_freq_factor"}) {
    if (rope.Find(name) == nullptr) rope.Fail(name, "a number above 0");
  }
  scaling.low_freq_factor = rope.Positive("low_freq_factor", 1);
  scaling.high_freq_factor = rope.Positive("high_freq_factor", 4);
  const std::string length = "original_max_position_embeddings";
  const int64_t fallback = top.Integer(length, config.max_position_embeddings);
  scaling.original_max_position_embeddings = rope.Integer(length, fallback);
  if (top.Find(length) && scaling.original_max_position_embeddings != fallback) {
    rope.Fail(length, "the same as at the top level, " + std::to_string(fallback));
  }
  return scaling;
}

}  // namespace

void ReadRope(const JsonFields& fields, LlamaConfig& config) {
  std::optional<double> theta;
  if (fields.Find("rope_theta")) theta = fields.Positive("rope_theta", 0);
  std::optional<RopeScaling> scaling;
  for (const std::string name : {"rope_parameters", "rope_scaling"}) {
    const json* value = fields.Find(name);
    if (value == nullptr || value->empty()) continue;
    const bool nested =
        std::any_of(value->begin(), value->end(), [](const json& v) { return v.is_object(); });
    if (!value->is_object() || nested) fields.Fail(name, "one set of parameters for all layers");
    const JsonFields rope(*value, fields.where(), name + ".");
    if (rope.Find("partial_rotary_factor") && rope.Positive("partial_rotary_factor", 1) != 1) {
      rope.Fail("partial_rotary_factor", "1.0");
    }
    const double inner = rope.Positive("rope_theta", theta.value_or(10000.0));
    if (theta.value_or(inner) != inner) {
      rope.Fail("rope_theta", "the same as elsewhere in the file, " + json(*theta).dump());
    }
    if (rope.Find("rope_theta")) theta = inner;
    const RopeScaling here = ReadRopeScaling(rope, fields, config);
    if (scaling.value_or(here) != here) fields.Fail(name, "the same as in rope_parameters");
    scaling = here;
  }
  config.rope_theta = theta.value_or(10000.0);
  config.rope_scaling = scaling.value_or(RopeScaling{});
}

}  // namespace meap
