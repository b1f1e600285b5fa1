#include "infer/score.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "core/console.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "infer/text_encoder.h"
#include "json_lines.h"
#include "model/device.h"

namespace meap {
namespace {

struct ScoreArguments {
  std::string model;
  std::string input;
  CommonFlags flags;
};

/// The requests of a file and the line that each stands in, from 1.
struct RequestFile {
  std::vector<ScoreRequest> requests;
  std::vector<size_t> lines;
};

RequestFile ReadRequests(const std::string& path, const Tokenizer& tokenizer) {
  const std::string text = ReadFile(path, "input");
  const TextEncoder encoder(tokenizer);
  RequestFile file;
  size_t begin = text.size() - WithoutByteOrderMark(text).size();
  for (size_t line = 1; begin < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view content(text.data() + begin, end - begin);
    begin = end + 1;
    if (IsBlank(content)) continue;
    try {
      const auto object = nlohmann::json::parse(content);
      file.requests.push_back(encoder.EncodeRequest(object.at("context").get<std::string>(),
                                                    object.at("continuation").get<std::string>()));
      file.lines.push_back(line);
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
  return file;
}

/// One warning for all requests that `is_so`, naming the first; `what` says what is so, in the
/// plural.
template <class Predicate>
void WarnOf(const RequestFile& file, const std::string& path, const std::string& what,
            const Predicate& is_so) {
  const auto first = std::find_if(file.requests.begin(), file.requests.end(), is_so);
  if (first == file.requests.end()) return;
  const size_t line = file.lines[static_cast<size_t>(first - file.requests.begin())];
  Warn(fmt::format("{} of {} requests {}; the first: {}:{}",
                   std::count_if(first, file.requests.end(), is_so), file.requests.size(), what,
                   path, line));
}

/// What a score hides: that it is of less than was asked for.
void WarnOfLosses(const RequestFile& file, const std::string& path, int64_t max_length) {
  const std::string context = fmt::format("the model's context of {} tokens", max_length);
  WarnOf(file, path, "have a continuation without tokens of its own, which scores 0",
         [](const ScoreRequest& request) { return request.continuation.empty(); });
  WarnOf(file, path, "are longer than " + context + ": the beginning of theirs is cut",
         [=](const ScoreRequest& request) { return IsTruncated(request, max_length); });
  WarnOf(file, path,
         "have a continuation that is itself longer than " + context +
             ": its beginning is cut and not scored",
         [=](const ScoreRequest& request) { return IsContinuationTruncated(request, max_length); });
}

void RunScore(const ScoreArguments& arguments) {
  SetComputeThreads(ApplyCommonFlags(arguments.flags));
  const LoadedModel loaded =
      LoadModel(arguments.model, arguments.flags.device, arguments.flags.dtype);
  const RequestFile file = ReadRequests(arguments.input, loaded.tokenizer);
  WarnOfLosses(file, arguments.input, loaded.model.config().max_position_embeddings);
  std::string text;
  for (const ScoreResult& result : Score(loaded.model, file.requests)) {
    const nlohmann::ordered_json line = {
        {"logprob", result.logprob}, {"tokens", result.tokens}, {"greedy", result.greedy}};
    text += line.dump() + "\n";
  }
  WriteToStdout(text);
}

}  // namespace

void AddScoreCommand(CLI::App& root) {
  auto arguments = std::make_shared<ScoreArguments>();
  CLI::App* command = root.add_subcommand("score", "Log-probabilities of continuations");
  command->add_option("--model", arguments->model, "Hugging Face folder")->required();
  command
      ->add_option("--input", arguments->input, "JSON lines with \"context\" and \"continuation\"")
      ->required();
  AddCommonFlags(*command, arguments->flags, Computes::kModel);
  command->footer(
      "Output, a line for each request in order: {\"logprob\", \"tokens\", \"greedy\"}.\n"
      "`context + continuation` and `context` are encoded, both with the tokenizer's special "
      "tokens;\n"
      "the tail of the first is scored. A tail without tokens (the continuation merges with the\n"
      "context's end) scores 0. Of what exceeds the model's context the beginning is lost, with a\n"
      "warning.\n"
      "Example:\n"
      "  meap score --model runs/meap/hf --input requests.jsonl > scores.jsonl");
  command->callback([arguments] { RunScore(*arguments); });
}

}  // namespace meap
