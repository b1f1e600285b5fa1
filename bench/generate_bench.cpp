// Times prefill and greedy decoding of a Hugging Face folder: what bench/generate.py compares with
// transformers.
//   generate_bench FOLDER DTYPE THREADS
// Reads lines from stdin, "BATCH PROMPT NEW": so many random prompts of so many tokens, continued
// by so many tokens each (end tokens do not end them). Answers {"seconds": ...} a line.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <sstream>

#include "infer/generator.h"
#include "model/device.h"

namespace meap {
namespace {

double Seconds(Generator& peer, int64_t vocabulary, int64_t batch, int64_t prompt, int64_t fresh,
               int64_t round) {
  std::vector<TokenRequest> requests;
  for (int64_t i = 0; i < batch; ++i) {
    at::Generator generator = at::detail::createCPUGenerator(1000 * round + i);
    const at::Tensor ids = at::randint(vocabulary, {prompt}, generator, at::kInt).contiguous();
    TokenRequest request;
    request.prompt.assign(ids.const_data_ptr<int32_t>(), ids.const_data_ptr<int32_t>() + prompt);
    request.sampling.max_new_tokens = fresh;
    requests.push_back(std::move(request));
  }
  const auto start = std::chrono::steady_clock::now();
  peer.Run(requests);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int Main(const std::string& folder, const std::string& dtype, int threads) {
  SetComputeThreads(threads);
  LlamaConfig config = ReadHfConfig(folder);
  config.eos_token_id.clear();
  Llama model(config, ParseDtype(dtype, at::kCPU, "DTYPE"), at::kCPU);
  model.Load(folder, config);
  Generator generator(model);
  int64_t round = 0;
  for (std::string line; std::getline(std::cin, line);) {
    int64_t batch = 0, prompt = 0, fresh = 0;
    std::istringstream(line) >> batch >> prompt >> fresh;
    std::printf("{\"seconds\": %.6f}\n",
                Seconds(generator, config.vocab_size, batch, prompt, fresh, ++round));
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace meap

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: generate_bench FOLDER DTYPE THREADS\n");
    return 2;
  }
  return meap::Main(argv[1], argv[2], std::stoi(argv[3]));
}
