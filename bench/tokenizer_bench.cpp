// How fast a tokenizer encodes: tokenizer_bench TOKENIZER_DIR FILE.jsonl THREADS REPEATS. Prints
// one line of JSON with the seconds of each repeat; reading the file and the tokenizer is not in
// them.
#include <simdjson.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "core/error.h"
#include "core/files.h"
#include "text/tokenizer.h"

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: tokenizer_bench TOKENIZER_DIR FILE.jsonl THREADS REPEATS\n");
    return 2;
  }
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::time_point since) {
    return std::chrono::duration<double>(Clock::now() - since).count();
  };
  const auto start = Clock::now();
  const meap::Tokenizer tokenizer = meap::Tokenizer::Load(argv[1]);
  const double load_seconds = seconds(start);
  const std::string file = meap::ReadFile(argv[2], "bench input");
  simdjson::dom::parser parser;
  simdjson::dom::document_stream lines;
  if (parser.parse_many(file, size_t{64} << 20).get(lines) != simdjson::SUCCESS) return 2;
  std::vector<std::string> texts;
  size_t bytes = 0;
  for (const auto line : lines) {
    texts.emplace_back(std::string_view(line["text"]));
    bytes += texts.back().size();
  }
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  std::printf("{\"bytes\": %zu, \"load_seconds\": %.4f, \"seconds\": [", bytes, load_seconds);
  size_t tokens = 0;
  for (int repeat = 0; repeat < std::atoi(argv[4]); ++repeat) {
    const auto begin = Clock::now();
    const auto ids = tokenizer.EncodeBatch(views, false, std::atoi(argv[3]));
    std::printf("%s%.5f", repeat == 0 ? "" : ", ", seconds(begin));
    tokens = 0;
    for (const auto& list : ids) tokens += list.size();
  }
  std::printf("], \"tokens\": %zu}\n", tokens);
  return 0;
}
