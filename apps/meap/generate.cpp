#include "infer/generate.h"

#include <cstdio>
#include <memory>

#include "commands.h"
#include "model/device.h"

namespace meap {
namespace {

struct GenerateArguments {
  std::string model;
  std::string prompt;
  SamplingOptions sampling;
  CommonFlags flags;
};

void RunGenerate(const GenerateArguments& arguments) {
  SetComputeThreads(ApplyCommonFlags(arguments.flags));
  const LoadedModel loaded =
      LoadModel(arguments.model, arguments.flags.device, arguments.flags.dtype);
  TextRequest request{EncodePrompt(loaded.tokenizer, arguments.prompt, "--prompt"),
                      arguments.sampling};
  request.sampling.seed = arguments.flags.seed;
  TextGenerator(loaded).Run({request}, [](size_t, const std::string& piece) {
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    std::fflush(stdout);
    return true;
  });
  std::printf("\n");
}

}  // namespace

void AddGenerateCommand(CLI::App& root) {
  auto arguments = std::make_shared<GenerateArguments>();
  CLI::App* command = root.add_subcommand("generate", "Continue a prompt");
  SamplingOptions& sampling = arguments->sampling;
  command->add_option("--model", arguments->model, "Hugging Face folder")->required();
  command->add_option("--prompt", arguments->prompt, "Text to continue")->required();
  command->add_option("--max-new-tokens", sampling.max_new_tokens, "Most tokens to generate")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--temperature", sampling.temperature, "0 = always the most likely token")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--top-k", sampling.top_k, "Draw from the k most likely; 0 = all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--top-p", sampling.top_p, "Draw from the most likely that hold this share")
      ->check(CLI::Range(1e-6, 1.0))
      ->capture_default_str();
  AddCommonFlags(*command, arguments->flags, true);
  command->footer(
      "Examples:\n"
      "  meap generate --model runs/meap/hf --prompt \"Once upon a time\"\n"
      "  meap generate --model DIR --prompt \"The\" --temperature 0.8 --top-p 0.95 --seed 7");
  command->callback([arguments] { RunGenerate(*arguments); });
}

}  // namespace meap
