#include "infer/generate.h"

#include <memory>

#include "batch_generate.h"
#include "chat/read_conversations.h"
#include "commands.h"
#include "core/files.h"
#include "flag_checks.h"
#include "infer/chat_session.h"
#include "json_lines.h"
#include "model/device.h"
#include "sampling_flags.h"

namespace meap {
namespace {

struct GenerateArguments {
  std::string model;
  std::string prompt;
  std::string messages;
  std::string template_name = "model";
  std::string input;
  std::vector<std::string> stop;
  int64_t batch = GeneratorOptions().max_sequences;
  SamplingOptions sampling;
  CommonFlags flags;
};

void AnswerMessages(const GenerateArguments& arguments, const LoadedModel& loaded,
                    const SamplingOptions& sampling) {
  ChatSession session(loaded, ChatTemplate(arguments.template_name, loaded.tokenizer));
  session.SetMessages(ParseMessages(ReadFile(arguments.messages, "messages"), arguments.messages));
  if (session.messages().back().role != "user") {
    throw InputError({.what = "there is nothing to answer",
                      .where = arguments.messages,
                      .expected = "a last message with the role user",
                      .got = "one with the role " + session.messages().back().role});
  }
  session.Answer(sampling, WritePiece);
  WriteToStdout("\n");
}

void RunGenerate(const GenerateArguments& arguments) {
  SetComputeThreads(ApplyCommonFlags(arguments.flags));
  const LoadedModel loaded =
      LoadModel(arguments.model, arguments.flags.device, arguments.flags.dtype);
  SamplingOptions sampling = arguments.sampling;
  sampling.seed = arguments.flags.seed;
  if (!arguments.messages.empty()) return AnswerMessages(arguments, loaded, sampling);
  if (!arguments.input.empty()) {
    return GenerateLines(loaded, arguments.input, sampling, arguments.stop, arguments.batch);
  }
  const TextRequest request{EncodePrompt(loaded.tokenizer, arguments.prompt, "--prompt"), sampling,
                            arguments.stop};
  TextGenerator(loaded).Run({request},
                            [](size_t, const std::string& piece) { return WritePiece(piece); });
  WriteToStdout("\n");
}

}  // namespace

void AddGenerateCommand(CLI::App& root) {
  auto arguments = std::make_shared<GenerateArguments>();
  CLI::App* command = root.add_subcommand("generate", "Continue a prompt or a conversation");
  SamplingOptions& sampling = arguments->sampling;
  command->add_option("--model", arguments->model, "Hugging Face folder")->required();
  CLI::Option_group* input = command->add_option_group("input", "What to continue, one of");
  input->add_option("--prompt", arguments->prompt, "Text to continue");
  CLI::Option* messages =
      input->add_option("--messages", arguments->messages,
                        "JSON file with a conversation to answer: [{\"role\", \"content\"}, ...]");
  input->add_option("--input", arguments->input, "JSON lines with \"prompt\", many at once");
  input->require_option(1);
  command->add_option("--batch", arguments->batch, "Prompts of --input that run together")
      ->check(AtLeast(1))
      ->capture_default_str();
  command->add_option("--stop", arguments->stop, "Ends an answer before this text; repeatable")
      ->allow_extra_args(false)
      ->excludes(messages);
  AddTemplateFlag(*command, arguments->template_name);
  AddSamplingFlags(*command, sampling);
  AddCommonFlags(*command, arguments->flags, Computes::kModel);
  command->footer(
      "Examples:\n"
      "  meap generate --model runs/meap/hf --prompt \"Once upon a time\"\n"
      "  meap generate --model DIR --prompt \"The\" --temperature 0.8 --top-p 0.95 --seed 7\n"
      "  meap generate --model DIR --messages conversation.json\n"
      "  meap generate --model DIR --input prompts.jsonl --batch 16 --stop . > answers.jsonl\n"
      "A line of --input gives a line {\"text\", \"tokens\", \"finish\"}, in the same order; "
      "finish\n"
      "is end (the model's end token), stop (--stop), limit or context.");
  command->callback([arguments] { RunGenerate(*arguments); });
}

}  // namespace meap
