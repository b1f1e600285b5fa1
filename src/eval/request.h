// What tasks ask of a model, and what comes back. Everything is in tokens, so that whoever answers
// needs no tokenizer but for the text of an answer.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace meap {

/// One question to a model.
struct Request {
  enum class Kind {
    kLogLikelihood,  // how likely is `continuation` after `context`
    kRolling,        // the same for a window of running text, with sums by position
    kGenerate,       // continue `context` greedily
  };
  Kind kind = Kind::kLogLikelihood;
  std::vector<int32_t> context;            // at least one token
  std::vector<int32_t> continuation = {};  // of the first two kinds, at least one token
  int64_t max_new_tokens = 0;              // of kGenerate
  std::string stop = {};                   // of kGenerate: ends the answer (EndsAnswer); "" none
  /// Of kGenerate: tokens that end the answer beside the model's own.
  std::vector<int32_t> end_tokens = {};
};

/// Sums over the scored tokens that stand at some positions of their window.
struct PositionSum {
  double logprob = 0;  // natural logarithm
  int64_t tokens = 0;
  bool operator==(const PositionSum&) const = default;
};

/// The answer to a request.
struct Response {
  double logprob = 0;  // of the continuation, natural logarithm
  int64_t tokens = 0;  // scored, or generated
  /// Of kRolling: entry b holds the tokens that have 2^b to 2^(b+1) - 1 tokens before them.
  std::vector<PositionSum> positions = {};
  std::string text = {};  // of kGenerate
  bool operator==(const Response&) const = default;
};

/// Raise it with every change to the scorer, the generator or what they compute with after which a
/// response may be another: those of before are then computed anew.
inline constexpr int64_t kScorerVersion = 1;

/// 32 hexadecimal digits that differ where `model`, the request or the version differ. `model`
/// names weights, dtype and all else that the answer depends on.
std::string RequestKey(const Request& request, std::string_view model,
                       int64_t version = kScorerVersion);

/// A response as JSON and back; nothing when it is not one.
nlohmann::ordered_json ResponseToJson(const Response& response);
std::optional<Response> ResponseFromJson(const nlohmann::ordered_json& json);

}  // namespace meap
