#include "sampling_flags.h"

#include "chat/chat_template.h"
#include "core/strings.h"
#include "flag_checks.h"
#include "json_lines.h"

namespace meap {

void AddSamplingFlags(CLI::App& command, SamplingOptions& sampling) {
  command.add_option("--max-new-tokens", sampling.max_new_tokens, "Most tokens to generate")
      ->check(AtLeast(1))
      ->capture_default_str();
  command.add_option("--temperature", sampling.temperature, "0 = always the most likely token")
      ->check(NumberFromZero())
      ->capture_default_str();
  command.add_option("--top-k", sampling.top_k, "Draw from the k most likely; 0 = all")
      ->check(AtLeast(0))
      ->capture_default_str();
  command.add_option("--top-p", sampling.top_p, "Draw from the most likely that hold this share")
      ->check(CLI::Range(1e-6, 1.0))
      ->capture_default_str();
  command
      .add_option("--repetition-penalty", sampling.repetition_penalty,
                  "Above 1: tokens that were there before become less likely")
      ->check(NumberAboveZero())
      ->capture_default_str();
}

void AddTemplateFlag(CLI::App& command, std::string& name) {
  command
      .add_option("--template", name,
                  "Chat template: model (its own; alpaca where it has none), " +
                      Join(BuiltInTemplates(), ", "))
      ->capture_default_str();
}

bool WritePiece(const std::string& piece) {
  WriteToStdout(piece);
  return true;
}

}  // namespace meap
