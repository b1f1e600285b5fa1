#include "infer/score.h"

#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "core/error.h"
#include "core/files.h"
#include "infer/text_encoder.h"
#include "model/device.h"

namespace meap {
namespace {

struct ScoreArguments {
  std::string model;
  std::string input;
  CommonFlags flags;
};

std::vector<ScoreRequest> ReadRequests(const std::string& path, const Tokenizer& tokenizer) {
  const std::string text = ReadFile(path, "input");
  const TextEncoder encoder(tokenizer);
  std::vector<ScoreRequest> requests;
  size_t begin = 0;
  for (size_t line = 1; begin < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view content(text.data() + begin, end - begin);
    begin = end + 1;
    if (content.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    try {
      const auto object = nlohmann::json::parse(content);
      requests.push_back(encoder.EncodeRequest(object.at("context").get<std::string>(),
                                               object.at("continuation").get<std::string>()));
    } catch (const nlohmann::json::exception& error) {
      throw InputError({.what = "cannot read a request",
                        .where = path + ":" + std::to_string(line),
                        .expected = R"({"context": "...", "continuation": "..."})",
                        .got = error.what()});
    } catch (const InputError& error) {
      ErrorParts parts = error.parts();
      parts.where = path + ":" + std::to_string(line) + ": " + parts.where;
      throw InputError(parts);
    }
  }
  return requests;
}

void RunScore(const ScoreArguments& arguments) {
  SetComputeThreads(ApplyCommonFlags(arguments.flags));
  const LoadedModel loaded =
      LoadModel(arguments.model, arguments.flags.device, arguments.flags.dtype);
  for (const ScoreResult& result :
       Score(loaded.model, ReadRequests(arguments.input, loaded.tokenizer))) {
    const nlohmann::ordered_json line = {
        {"logprob", result.logprob}, {"tokens", result.tokens}, {"greedy", result.greedy}};
    std::printf("%s\n", line.dump().c_str());
  }
}

}  // namespace

void AddScoreCommand(CLI::App& root) {
  auto arguments = std::make_shared<ScoreArguments>();
  CLI::App* command = root.add_subcommand("score", "Log-probabilities of continuations");
  command->add_option("--model", arguments->model, "Hugging Face folder")->required();
  command
      ->add_option("--input", arguments->input, "JSON lines with \"context\" and \"continuation\"")
      ->required();
  AddCommonFlags(*command, arguments->flags, true);
  command->footer(
      "Output, a line for each request in order: {\"logprob\", \"tokens\", \"greedy\"}.\n"
      "`context + continuation` and `context` are encoded, both with the tokenizer's special "
      "tokens;\n"
      "the tail of the first is scored.\n"
      "Example:\n"
      "  meap score --model runs/meap/hf --input requests.jsonl > scores.jsonl");
  command->callback([arguments] { RunScore(*arguments); });
}

}  // namespace meap
