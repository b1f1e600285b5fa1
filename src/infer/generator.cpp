#include "infer/generator.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <deque>
#include <numeric>

#include "core/error.h"
#include "core/philox.h"

namespace meap {
namespace {

/// A shorter common prefix is computed again: quicker than copying it layer by layer.
constexpr int64_t kMinShared = 16;

using Ids = std::vector<int32_t>;

int64_t CommonPrefix(const Ids& a, const Ids& b) {
  return std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
}

void CheckPrompts(const std::vector<TokenRequest>& requests, int64_t context) {
  for (const TokenRequest& request : requests) {
    const auto length = static_cast<int64_t>(request.prompt.size());
    MEAP_CHECK(length > 0, "a prompt has at least one token");
    if (length <= context) continue;
    throw InputError({.what = "the prompt is longer than the model's context",
                      .where = "prompt",
                      .expected = "at most " + std::to_string(context) + " tokens",
                      .got = std::to_string(length) + " tokens"});
  }
}

/// A request on its way.
struct Sequence {
  size_t index;
  const TokenRequest* request;
  PhiloxStream random;
  TokenResult result;
  std::shared_ptr<KvCache> cache;
};

/// One call of Generator::Run.
class Batch {
 public:
  Batch(const Llama& model, const GeneratorOptions& options, std::shared_ptr<KvCache>& last,
        const std::vector<TokenRequest>& requests, const Generator::OnToken& on_token,
        const Generator::OnFinish& on_finish)
      : model_(model),
        options_(options),
        last_(last),
        on_token_(on_token),
        on_finish_(on_finish),
        results_(requests.size()) {
    // Sorted prompts stand beside those they share the most with.
    std::vector<size_t> order(requests.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return requests[a].prompt < requests[b].prompt; });
    for (const size_t i : order) {
      const uint64_t seed = requests[i].sampling.seed;
      waiting_.push_back(
          {i, &requests[i], PhiloxStream(seed, random_stream::kSampling, 0, 0), {}, nullptr});
    }
  }

  std::vector<TokenResult> Run() {
    while (!waiting_.empty() || !running_.empty()) {
      while (!waiting_.empty() && HasRoom()) Admit();
      Step();
    }
    return std::move(results_);
  }

 private:
  bool HasRoom() const { return static_cast<int64_t>(running_.size()) < options_.max_sequences; }

  /// Tokens that the newest prompt's cache spares the sequence.
  int64_t SharedWithLast(const Ids& prompt) const {
    if (!last_) return 0;
    // At least the last token is computed: its logits are wanted.
    const int64_t shared =
        std::min(CommonPrefix(prompt, last_->ids()), static_cast<int64_t>(prompt.size()) - 1);
    return shared < kMinShared ? 0 : shared;
  }

  /// Computes the next prompts, as many as make one good forward pass.
  void Admit() {
    const size_t first = running_.size();
    std::vector<CacheAttender::Part> parts;
    int64_t tokens = 0;
    while (!waiting_.empty() && HasRoom()) {
      const Ids& prompt = waiting_.front().request->prompt;
      const int64_t shared = SharedWithLast(prompt);
      const int64_t fresh = static_cast<int64_t>(prompt.size()) - shared;
      if (!parts.empty()) {
        if (tokens + fresh > options_.prompt_tokens) break;
        // What it shares with a prompt of this pass is had from that one's cache in the next.
        if (CommonPrefix(prompt, running_.back().request->prompt) >= shared + kMinShared) break;
      }
      tokens += fresh;
      Sequence sequence = std::move(waiting_.front());
      waiting_.pop_front();
      sequence.cache = MakeCache(*sequence.request);
      if (shared > 0) sequence.cache->CopyPrefix(*last_, shared);
      parts.push_back({sequence.cache.get(), Ids(prompt.begin() + shared, prompt.end())});
      running_.push_back(std::move(sequence));
    }
    last_ = running_.back().cache;
    Forward(std::move(parts), first);
  }

  /// One more token for everything that runs.
  void Step() {
    if (running_.empty()) return;
    std::vector<CacheAttender::Part> parts;
    for (const Sequence& sequence : running_) {
      parts.push_back({sequence.cache.get(), {sequence.result.tokens.back()}});
    }
    Forward(std::move(parts), 0);
  }

  /// Feeds the running sequences from `first` on, and takes a token for each.
  void Forward(std::vector<CacheAttender::Part> parts, size_t first) {
    const at::Device device = model_.head().device();
    CacheAttender attender(std::move(parts));
    const at::Tensor hidden_ND =
        model_.Forward(attender.Tokens(device), attender.Positions(device), attender);
    attender.Commit();
    const at::Tensor logits_RV =
        model_.Logits(hidden_ND.index_select(0, attender.LastRows(device))).to(at::kCPU);
    const auto vocabulary = static_cast<size_t>(logits_RV.size(1));
    float* logits = logits_RV.mutable_data_ptr<float>();
    for (size_t i = first; i < running_.size(); ++i, logits += vocabulary) {
      Take(running_[i], Sample(running_[i], {logits, vocabulary}));
    }
    std::erase_if(running_, [](const Sequence& sequence) { return !sequence.cache; });
  }

  static int32_t Sample(Sequence& sequence, std::span<float> logits) {
    const SamplingOptions& sampling = sequence.request->sampling;
    if (sampling.repetition_penalty != 1) {
      Ids seen = sequence.request->prompt;
      seen.insert(seen.end(), sequence.result.tokens.begin(), sequence.result.tokens.end());
      PenaliseRepetition(logits, seen, sampling.repetition_penalty);
    }
    return SampleToken(logits, sampling, sequence.random.Uniform());
  }

  void Take(Sequence& sequence, int32_t token) {
    const auto& ends = model_.config().eos_token_id;
    if (std::find(ends.begin(), ends.end(), token) != ends.end()) {
      return End(sequence, Finish::kEndToken);
    }
    Ids& tokens = sequence.result.tokens;
    tokens.push_back(token);
    if (on_token_ && !on_token_(sequence.index, token)) return End(sequence, Finish::kCallback);
    if (static_cast<int64_t>(tokens.size()) >= sequence.request->sampling.max_new_tokens) {
      return End(sequence, Finish::kLimit);
    }
    if (sequence.cache->length() >= model_.config().max_position_embeddings) {
      End(sequence, Finish::kContext);
    }
  }

  void End(Sequence& sequence, Finish finish) {
    sequence.result.finish = finish;
    sequence.cache = nullptr;
    results_[sequence.index] = std::move(sequence.result);
    if (on_finish_) on_finish_(sequence.index, results_[sequence.index]);
  }

  std::shared_ptr<KvCache> MakeCache(const TokenRequest& request) const {
    const int64_t capacity = std::min<int64_t>(
        model_.config().max_position_embeddings,
        static_cast<int64_t>(request.prompt.size()) + request.sampling.max_new_tokens);
    const at::Tensor& head = model_.head();
    return std::make_shared<KvCache>(model_.config(), capacity, head.scalar_type(), head.device());
  }

  const Llama& model_;
  const GeneratorOptions& options_;
  std::shared_ptr<KvCache>& last_;
  const Generator::OnToken& on_token_;
  const Generator::OnFinish& on_finish_;
  std::deque<Sequence> waiting_;
  std::vector<Sequence> running_;
  std::vector<TokenResult> results_;
};

}  // namespace

Generator::Generator(const Llama& model, const GeneratorOptions& options)
    : model_(model), options_(options) {
  MEAP_CHECK(options.max_sequences > 0, "a batch holds at least one sequence");
}

Generator::~Generator() = default;

std::vector<TokenResult> Generator::Run(const std::vector<TokenRequest>& requests,
                                        const OnToken& on_token, const OnFinish& on_finish) {
  const at::NoGradGuard no_grad;
  CheckPrompts(requests, model_.config().max_position_embeddings);
  return Batch(model_, options_, last_, requests, on_token, on_finish).Run();
}

}  // namespace meap
