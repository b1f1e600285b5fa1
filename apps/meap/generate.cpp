#include "infer/generate.h"

#include <cstdio>
#include <memory>

#include "commands.h"
#include "core/error.h"
#include "core/strings.h"
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
  if (!IsValidUtf8(arguments.prompt)) {
    throw InputError({.what = "the prompt is not valid UTF-8", .where = "--prompt"});
  }
  std::vector<int32_t> prompt = loaded.tokenizer.Encode(arguments.prompt, true);
  if (prompt.empty()) {
    const auto first = loaded.tokenizer.bos() ? loaded.tokenizer.bos() : loaded.tokenizer.eos();
    if (!first) {
      throw InputError({.what = "an empty prompt needs a BOS or EOS token to start from",
                        .where = "--prompt",
                        .hint = "give a prompt"});
    }
    prompt = {*first};
  }
  SamplingOptions sampling = arguments.sampling;
  sampling.seed = arguments.flags.seed;
  StreamDecoder decoder(loaded.tokenizer, /*skip_special=*/true);
  const auto print = [](const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  };
  Generate(loaded.model, prompt, sampling, [&](int32_t token) {
    print(decoder.Push(token));
    return true;
  });
  print(decoder.Finish() + "\n");
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
