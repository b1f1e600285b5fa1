#include "eval/model_scorer.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "data/content_hash.h"
#include "evaltext/generation_task.h"
#include "infer/generator.h"
#include "infer/score.h"

namespace meap {
namespace {

Response ResponseOf(const Request& request, const ScoreResult& result) {
  Response response{.logprob = result.logprob, .tokens = result.tokens};
  if (request.kind != Request::Kind::kRolling) return response;
  const size_t before =  // tokens that the first scored one has before it
      request.context.size() + request.continuation.size() - result.token_logprobs.size();
  for (size_t i = 0; i < result.token_logprobs.size(); ++i) {
    const auto bucket = static_cast<size_t>(std::bit_width(before + i)) - 1;
    if (response.positions.size() <= bucket) response.positions.resize(bucket + 1);
    response.positions[bucket].logprob += result.token_logprobs[i];
    ++response.positions[bucket].tokens;
  }
  return response;
}

}  // namespace

void ModelScorer::Run(std::span<const Request> requests,
                      std::span<std::optional<Response>> responses, const BatchDone& done) {
  Score(requests, responses, done);
  Generate(requests, responses, done);
}

void ModelScorer::Score(std::span<const Request> requests,
                        std::span<std::optional<Response>> responses, const BatchDone& done) {
  std::vector<ScoreRequest> scored;
  std::vector<size_t> index;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].kind == Request::Kind::kGenerate) continue;
    scored.push_back({requests[i].context, requests[i].continuation});
    index.push_back(i);
  }
  for (ScoreBatch& batch : PlanScoreBatches(scored, max_length_, kScoreBatchTokens)) {
    for (ScoreTree& tree : batch) {
      std::erase_if(tree.branches, [&](const ScoreBranch& branch) {
        return responses[index[branch.request]].has_value();
      });
    }
    std::erase_if(batch, [](const ScoreTree& tree) { return tree.branches.empty(); });
    if (batch.empty()) continue;
    std::vector<size_t> answered;
    RunScoreBatch(model_.model, batch, [&](size_t request, const ScoreResult& result) {
      const size_t i = index[request];
      responses[i] = ResponseOf(requests[i], result);
      answered.push_back(i);
    });
    memory_.Look();
    done(answered);
  }
}

void ModelScorer::Generate(std::span<const Request> requests,
                           std::span<std::optional<Response>> responses,
                           const BatchDone& done) const {
  std::vector<size_t> order;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].kind == Request::Kind::kGenerate && !responses[i]) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return requests[a].context < requests[b].context; });
  std::vector<TokenRequest> prompts;
  std::vector<std::string> texts(order.size());
  std::vector<StreamDecoder> decoders;
  for (const size_t i : order) {
    prompts.push_back({requests[i].context, {.max_new_tokens = requests[i].max_new_tokens}});
    decoders.emplace_back(model_.tokenizer, /*skip_special=*/true);
  }
  const auto on_token = [&](size_t n, int32_t token) {
    const Request& request = requests[order[n]];
    if (std::find(request.end_tokens.begin(), request.end_tokens.end(), token) !=
        request.end_tokens.end()) {
      return false;
    }
    texts[n] += decoders[n].Push(token);
    return !EndsAnswer(request.stop, texts[n]);
  };
  const auto on_finish = [&](size_t n, const TokenResult& result) {
    texts[n] += decoders[n].Finish();
    responses[order[n]] =
        Response{.tokens = static_cast<int64_t>(result.tokens.size()), .text = std::move(texts[n])};
    done(std::span(&order[n], 1));
  };
  Generator(model_.model).Run(prompts, on_token, on_finish);
}

std::string ModelHash(const fs::path& folder, const Tokenizer& tokenizer) {
  std::vector<fs::path> files = {folder / "config.json"};
  const fs::path generation = folder / "generation_config.json";  // names end tokens
  if (fs::exists(generation)) files.push_back(generation);
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::string hashes = tokenizer.ContentHash();
  for (const fs::path& file : files) hashes += HashFile(file).Hex();
  return HashHex(hashes.data(), hashes.size());
}

}  // namespace meap
