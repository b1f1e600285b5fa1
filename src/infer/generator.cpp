#include "infer/generator.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <deque>
#include <numeric>

#include "core/console.h"
#include "core/error.h"
#include "core/machine.h"
#include "core/philox.h"
#include "infer/loaded_model.h"
#include "infer/out_of_memory.h"

namespace meap {
namespace {

/// A shorter common prefix is computed again: quicker than copying it layer by
/// layer.
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
  std::shared_ptr<KvCache> cache;  // none while it waits

  /// The prompt and what followed it.
  std::vector<int32_t> Ids() const {
    std::vector<int32_t> ids = request->prompt;
    ids.insert(ids.end(), result.tokens.begin(), result.tokens.end());
    return ids;
  }
};

/// Runs `work`; false when memory ran out in it.
bool FitsMemory(const std::function<void()>& work) {
  try {
    work();
    return true;
  } catch (const std::exception& error) {
    if (!IsOutOfMemory(error)) throw;
    return false;
  }
}

/// One call of Generator::Run.
class Batch {
 public:
  Batch(const Llama& model, const GeneratorOptions& options, Decoder& decoder,
        std::shared_ptr<KvCache>& last, const std::vector<TokenRequest>& requests,
        const Generator::OnToken& on_token, const Generator::OnFinish& on_finish)
      : model_(model),
        options_(options),
        decoder_(decoder),
        last_(last),
        on_token_(on_token),
        on_finish_(on_finish),
        limit_(static_cast<size_t>(options.max_sequences)),
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
      const size_t running = running_.size();
      if (running > 0) Step();
      if (running_.size() < running) memory_.Look();  // the finished gave their caches back
    }
    return std::move(results_);
  }

 private:
  /// For one more, and for its cache; the only sequence always has room.
  bool HasRoom() const {
    if (running_.empty()) return true;
    if (running_.size() >= limit_) return false;
    int64_t bytes = CacheBytes(*waiting_.front().request) + decoder_.packed_bytes();
    for (const Sequence& sequence : running_) bytes += CacheBytes(*sequence.request);
    return bytes <= options_.cache_bytes;
  }

  /// Tokens that the newest prompt's cache spares a sequence.
  int64_t SharedWithLast(const Ids& ids) const {
    if (!last_) return 0;
    // At least the last token is computed: its logits are wanted.
    const int64_t shared =
        std::min(CommonPrefix(ids, last_->ids()), static_cast<int64_t>(ids.size()) - 1);
    return shared < kMinShared ? 0 : shared;
  }

  /// Computes the next prompts.
  void Admit() {
    const size_t first = running_.size();
    at::Tensor logits_RV;
    if (!FitsMemory([&] { logits_RV = Logits(NextPrompts()); })) return Retreat(first);
    last_ = running_.back().cache;
    TakeTokens(logits_RV, first);
  }

  /// Moves from waiting to running what makes one good forward pass.
  std::vector<CacheAttender::Part> NextPrompts() {
    std::vector<CacheAttender::Part> parts;
    int64_t tokens = 0;
    while (!waiting_.empty() && HasRoom()) {
      // A sequence that was sent back for lack of memory has tokens already.
      std::vector<int32_t> ids = waiting_.front().Ids();
      const int64_t shared = SharedWithLast(ids);
      const int64_t fresh = static_cast<int64_t>(ids.size()) - shared;
      if (!parts.empty()) {
        if (tokens + fresh > options_.prompt_tokens) break;
        // What it shares with a prompt of this pass is had from that one's
        // cache in the next.
        if (CommonPrefix(ids, running_.back().request->prompt) >= shared + kMinShared) break;
      }
      tokens += fresh;
      running_.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
      const std::shared_ptr<KvCache> cache = MakeCache(*running_.back().request);
      running_.back().cache = cache;
      if (shared > 0) cache->CopyPrefix(*last_, shared);
      ids.erase(ids.begin(), ids.begin() + shared);
      parts.push_back({cache.get(), std::move(ids)});
    }
    return parts;
  }

  /// One more token for everything that runs.
  void Step() {
    std::vector<CacheAttender::Part> parts;
    for (const Sequence& sequence : running_) {
      parts.push_back({sequence.cache.get(), {sequence.result.tokens.back()}});
    }
    at::Tensor logits_RV;
    if (!FitsMemory([&] { logits_RV = Logits(std::move(parts)); })) {
      return Retreat(running_.size() / 2);
    }
    TakeTokens(logits_RV, 0);
  }

  /// Memory ran out: only the first `kept` sequences go on, the others begin
  /// again when there is room, where they stopped.
  void Retreat(size_t kept) {
    const size_t before = running_.size();
    if (before <= 1) {
      throw WorkError({.what = "memory ran out with a single sequence",
                       .where = "generation",
                       .hint = "a shorter prompt, fewer new tokens, or --dtype bf16"});
    }
    last_ = nullptr;
    limit_ = kept > 0 ? kept : before / 2;
    while (running_.size() > kept) {
      running_.back().cache = nullptr;
      waiting_.push_front(std::move(running_.back()));
      running_.pop_back();
    }
    Warn("memory ran out with " + std::to_string(before) + " sequences at a time: now " +
         std::to_string(limit_));
  }

  /// Feeds some sequences; logits [R, V] of what follows, on the CPU.
  at::Tensor Logits(std::vector<CacheAttender::Part> parts) {
    CacheAttender attender(std::move(parts));
    at::Tensor logits_RV = decoder_.Takes(attender.parts()) ? decoder_.Logits(attender.parts())
                                                            : ForwardLogits(attender);
    attender.Commit();
    return logits_RV;
  }

  at::Tensor ForwardLogits(CacheAttender& attender) const {
    const at::Device device = model_.head().device();
    const at::Tensor hidden_ND =
        model_.Forward(attender.Tokens(device), attender.Positions(device), attender);
    const at::Tensor last_RD = hidden_ND.index_select(0, attender.LastRows(device));
    return model_.Logits(last_RD).to(at::kCPU);
  }

  /// The next token of the running sequences from `first` on; the finished ones
  /// leave.
  void TakeTokens(const at::Tensor& logits_RV, size_t first) {
    const auto vocabulary = static_cast<size_t>(logits_RV.size(1));
    float* logits = logits_RV.mutable_data_ptr<float>();
    for (size_t i = first; i < running_.size(); ++i, logits += vocabulary) {
      Take(running_[i], Sample(running_[i], {logits, vocabulary}));
    }
    std::erase_if(running_, [](const Sequence& sequence) { return !sequence.cache; });
  }

  static int32_t Sample(Sequence& sequence, std::span<float> logits) {
    if (!AreFinite(logits)) ThrowNotFinite();
    const SamplingOptions& sampling = sequence.request->sampling;
    if (sampling.repetition_penalty != 1) {
      PenaliseRepetition(logits, sequence.Ids(), sampling.repetition_penalty);
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

  int64_t Capacity(const TokenRequest& request) const {
    return std::min<int64_t>(
        model_.config().max_position_embeddings,
        static_cast<int64_t>(request.prompt.size()) + request.sampling.max_new_tokens);
  }

  int64_t CacheBytes(const TokenRequest& request) const {
    return KvCache::Bytes(model_.config(), Capacity(request), model_.head().scalar_type());
  }

  std::shared_ptr<KvCache> MakeCache(const TokenRequest& request) const {
    const at::Tensor& head = model_.head();
    return std::make_shared<KvCache>(model_.config(), Capacity(request), head.scalar_type(),
                                     head.device());
  }

  const Llama& model_;
  const GeneratorOptions& options_;
  Decoder& decoder_;
  std::shared_ptr<KvCache>& last_;
  const Generator::OnToken& on_token_;
  const Generator::OnFinish& on_finish_;
  size_t limit_;  // of sequences that run together
  MemoryWatch memory_;
  std::deque<Sequence> waiting_;
  std::vector<Sequence> running_;
  std::vector<TokenResult> results_;
};

}  // namespace

Generator::Generator(const Llama& model, const GeneratorOptions& options)
    : model_(model), options_(options), decoder_(model) {
  MEAP_CHECK(options.max_sequences > 0, "a batch holds at least one sequence");
  if (options_.cache_bytes == 0) {
    options_.cache_bytes = model.head().is_cpu() ? MachineMemory() / 2 : INT64_MAX;
  }
}

Generator::~Generator() = default;

std::vector<TokenResult> Generator::Run(const std::vector<TokenRequest>& requests,
                                        const OnToken& on_token, const OnFinish& on_finish) {
  const at::NoGradGuard no_grad;
  CheckPrompts(requests, model_.config().max_position_embeddings);
  return Batch(model_, options_, decoder_, last_, requests, on_token, on_finish).Run();
}

}  // namespace meap
