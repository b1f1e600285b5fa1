#include "batch_generate.h"

#include "core/console.h"
#include "core/error.h"
#include "json_lines.h"

namespace meap {
namespace {

const char* NameOf(Finish finish) {
  switch (finish) {
    case Finish::kEndToken:
      return "end";
    case Finish::kLimit:
      return "limit";
    case Finish::kContext:
      return "context";
    case Finish::kCallback:
      return "stop";
  }
  return "";
}

std::vector<TextRequest> ReadRequests(const LoadedModel& model, const fs::path& file,
                                      const SamplingOptions& sampling,
                                      const std::vector<std::string>& stop) {
  const int64_t context = model.model.config().max_position_embeddings;
  std::vector<TextRequest> requests;
  MapJsonLines(file, 1, [&](const JsonLine& line, std::string&) {
    std::vector<int32_t> prompt =
        EncodePrompt(model.tokenizer, std::string(line.String("prompt")), line.place());
    if (static_cast<int64_t>(prompt.size()) > context) {
      throw InputError({.what = "the prompt is longer than the model's context",
                        .where = line.place(),
                        .expected = "at most " + std::to_string(context) + " tokens",
                        .got = std::to_string(prompt.size()) + " tokens"});
    }
    requests.push_back({std::move(prompt), sampling, stop});
  });
  return requests;
}

}  // namespace

void GenerateLines(const LoadedModel& model, const fs::path& file, const SamplingOptions& sampling,
                   const std::vector<std::string>& stop, int64_t batch) {
  const std::vector<TextRequest> requests = ReadRequests(model, file, sampling, stop);
  GeneratorOptions options;
  options.max_sequences = batch;
  std::vector<std::string> lines(requests.size());
  size_t written = 0;
  size_t finished = 0;
  ProgressBar bar("generating", requests.size(), "prompts");
  TextGenerator(model, options).Run(requests, {}, [&](size_t i, const TextResult& result) {
    lines[i] = "{\"text\": " + JsonString(result.text) +
               ", \"tokens\": " + std::to_string(result.tokens.size()) + ", \"finish\": \"" +
               NameOf(result.finish) + "\"}\n";
    for (; written < lines.size() && !lines[written].empty(); ++written) {
      WriteToStdout(lines[written]);
    }
    bar.Update(++finished);
  });
}

}  // namespace meap
