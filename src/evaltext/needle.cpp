#include "evaltext/needle.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "evaltext/answers.h"
#include "evaltext/data_items.h"
#include "evaltext/python_text.h"
#include "evaltext/rouge.h"

namespace meap {
namespace {

constexpr int kBaseNewTokens = 64;
constexpr int kChatNewTokens = 300;
constexpr std::string_view kSystem =
    "You are a helpful AI bot that answers questions for a user. Keep your response short and "
    "direct";
constexpr std::string_view kRestriction =
    " Don't give information outside the document or repeat your findings";

/// The first `count` tokens of the haystack, through text and back as in the reference.
std::vector<int32_t> HaystackOf(const std::vector<int32_t>& essays, size_t count,
                                const TokenCodec& codec) {
  const std::span<const int32_t> cut(essays.data(), std::min(count, essays.size()));
  return codec.encode(codec.decode(cut));
}

/// Tokens of the essays, the whole set repeated until there are `count`.
std::vector<int32_t> EssayTokens(const fs::path& data, size_t count, const TokenCodec& codec) {
  std::string essays;
  for (const std::string& text : ReadTextFiles(data / "niah" / "essays", "needle")) essays += text;
  std::string haystack = essays;
  std::vector<int32_t> tokens = codec.encode(haystack);
  while (tokens.size() < count) {
    const size_t before = tokens.size();
    haystack += essays;
    tokens = codec.encode(haystack);
    if (tokens.size() <= before) {
      throw InputError({.what = "the tokenizer makes no tokens of the haystack text",
                        .where = (data / "niah" / "essays").string(),
                        .expected = "text that the tokenizer has tokens for",
                        .got = std::to_string(tokens.size()) + " tokens"});
    }
  }
  return tokens;
}

/// At most `limit` cells of the grid, evenly thinned in both directions with the ends kept.
void ThinGrid(size_t limit, std::vector<int>& lengths, std::vector<int>& depths) {
  if (limit == 0 || lengths.size() * depths.size() <= limit) return;
  const auto thin = [](std::vector<int>& values, size_t count) {
    std::vector<int> kept;
    for (size_t i = 0; i < count; ++i) {
      kept.push_back(
          values[count == 1 ? values.size() - 1 : i * (values.size() - 1) / (count - 1)]);
    }
    values = kept;
  };
  const double scale =
      std::sqrt(static_cast<double>(limit) / static_cast<double>(lengths.size() * depths.size()));
  const auto wanted = static_cast<size_t>(static_cast<double>(lengths.size()) * scale);
  const size_t kept_lengths = std::clamp<size_t>(wanted, 1, lengths.size());
  thin(lengths, kept_lengths);
  thin(depths, std::clamp<size_t>(limit / kept_lengths, 1, depths.size()));
}

class NeedleTask : public GenerationTask {
 public:
  explicit NeedleTask(NeedleOptions options) : options_(std::move(options)) {}

  std::vector<GenerationItem> Items(const TaskInputs& inputs) const override {
    MEAP_CHECK(inputs.codec != nullptr, "a codec");
    std::vector<int> lengths = options_.lengths;
    if (lengths.empty()) {
      for (int64_t i = 1; i <= 8; ++i) {
        lengths.push_back(static_cast<int>(inputs.max_length_tokens * i / 8));
      }
    }
    std::vector<int> depths = options_.depths;
    ThinGrid(inputs.limit == 0 ? 0 : std::max<size_t>(1, inputs.limit / options_.needles), lengths,
             depths);
    const int longest = *std::max_element(lengths.begin(), lengths.end());
    const std::vector<int32_t> essays =
        EssayTokens(inputs.data, static_cast<size_t>(longest), *inputs.codec);
    std::vector<GenerationItem> items;
    for (const int length : lengths) {
      const auto haystack = HaystackOf(essays, static_cast<size_t>(length), *inputs.codec);
      for (const int depth : depths) {
        for (size_t n = 0; n < options_.needles; ++n) {
          items.push_back(Item(haystack, length, depth, n, inputs));
        }
      }
    }
    return items;
  }

  std::string Answer(const GenerationItem&, std::string_view response) const override {
    return std::string(StripText(response));
  }

  Metrics Score(const GenerationItem& item, std::string_view answer) const override {
    return ScoreNeedle(Needles()[item.extra.at("needle").get<size_t>()], answer);
  }

 private:
  GenerationItem Item(const std::vector<int32_t>& haystack, int length, int depth, size_t index,
                      const TaskInputs& inputs) const {
    const Needle& needle = Needles()[index];
    const NeedleContext placed =
        InsertNeedle(haystack, inputs.codec->encode(needle.text), inputs.codec->full_stops, length,
                     kNeedleBufferTokens, depth);
    const std::string context = inputs.codec->decode(placed.tokens);
    GenerationItem item;
    item.id = std::to_string(length) + "@" + std::to_string(depth) + "#" + std::to_string(index);
    item.item = item.id;
    item.group = {{"length", length}, {"depth", depth}};
    item.max_new_tokens = kBaseNewTokens;
    const std::string asked = needle.question + std::string(kRestriction);
    if (options_.completion) {  // running text, whatever the model was tuned on
      item.prompt = context + "\n\n" + needle.opening;
    } else {
      item.prompt =
          std::string(kSystem) + ".\n\n" + context + "\n\nQuestion: " + asked + ".\nAnswer:";
      item.chat = {{"system", std::string(kSystem)}, {"user", context}, {"user", asked}};
      if (inputs.chat) item.max_new_tokens = kChatNewTokens;
    }
    item.references = {std::string(StripText(needle.text))};
    item.extra = {{"needle", index},
                  {"needle_token", placed.needle_at},
                  {"context_tokens", placed.tokens.size()}};
    return item;
  }

  NeedleOptions options_;
};

/// A needle after the pattern of the reference's.
Needle MakeNeedle(const std::string& opening, const std::string& answer,
                  const std::string& question, std::vector<std::string> keywords) {
  return {.text = "\n" + opening + " " + answer + ".\n",
          .question = question,
          .opening = opening,
          .phrase = NormalizeAnswer(answer.substr(0, answer.rfind(" on "))),
          .keywords = std::move(keywords)};
}

}  // namespace

const std::vector<Needle>& Needles() {
  static const std::vector<Needle> needles = {
      MakeNeedle("The best thing to do in San Francisco is",
                 "eat a sandwich and sit in Dolores Park on a sunny day",
                 "What is the best thing to do in San Francisco?",
                 {"eat", "sandwich", "sit", "dolores", "park", "sunny", "day"}),
      MakeNeedle("The best thing to do in Lisbon is",
                 "ride the yellow tram and watch the river from Graca on a clear evening",
                 "What is the best thing to do in Lisbon?",
                 {"ride", "yellow", "tram", "watch", "river", "graca", "clear", "evening"}),
      MakeNeedle("The best thing to do in Kyoto is",
                 "drink green tea and walk around the moss garden on a rainy morning",
                 "What is the best thing to do in Kyoto?",
                 {"drink", "green", "tea", "walk", "moss", "garden", "rainy", "morning"}),
      MakeNeedle("The best thing to do in Nairobi is",
                 "buy roasted maize and feed the giraffes in Langata on a quiet Sunday",
                 "What is the best thing to do in Nairobi?",
                 {"buy", "roasted", "maize", "feed", "giraffes", "langata", "quiet", "sunday"}),
      MakeNeedle("The best thing to do in Montreal is",
                 "skate on the frozen canal and eat warm bagels on a snowy night",
                 "What is the best thing to do in Montreal?",
                 {"skate", "frozen", "canal", "eat", "warm", "bagels", "snowy", "night"})};
  return needles;
}

NeedleContext InsertNeedle(std::span<const int32_t> haystack, std::span<const int32_t> needle,
                           const std::vector<int32_t>& full_stops, int64_t length, int64_t buffer,
                           int depth_percent) {
  const int64_t room = length - buffer;
  auto size = static_cast<int64_t>(haystack.size());
  const auto needle_size = static_cast<int64_t>(needle.size());
  if (size + needle_size > room) size = std::clamp<int64_t>(room - needle_size, 0, size);
  int64_t at = size;
  if (depth_percent != 100) {
    at = static_cast<int64_t>(static_cast<double>(size) * (depth_percent / 100.0));
    while (at > 0 && std::find(full_stops.begin(), full_stops.end(),
                               haystack[static_cast<size_t>(at - 1)]) == full_stops.end()) {
      --at;
    }
  }
  NeedleContext context;
  context.needle_at = static_cast<size_t>(at);
  context.tokens.assign(haystack.begin(), haystack.begin() + at);
  context.tokens.insert(context.tokens.end(), needle.begin(), needle.end());
  context.tokens.insert(context.tokens.end(), haystack.begin() + at, haystack.begin() + size);
  return context;
}

Metrics ScoreNeedle(const Needle& needle, std::string_view response) {
  const std::string normalized = NormalizeAnswer(response);
  const auto present =
      std::count_if(needle.keywords.begin(), needle.keywords.end(),
                    [&](const std::string& keyword) { return ContainsWords(normalized, keyword); });
  return {{"hit", normalized.find(needle.phrase) != std::string::npos ? 1 : 0},
          {"keywords", static_cast<double>(present) / static_cast<double>(needle.keywords.size())},
          {"rouge1", 10 * RougeScores(needle.text, response).rouge1}};
}

std::vector<int> EvenlySpaced(double first, double last, size_t count) {
  std::vector<int> values;
  for (size_t i = 0; i < count; ++i) {
    const double step = count > 1 ? (last - first) / static_cast<double>(count - 1) : 0;
    values.push_back(static_cast<int>(std::nearbyint(first + static_cast<double>(i) * step)));
  }
  return values;
}

std::unique_ptr<GenerationTask> MakeNeedleTask(const NeedleOptions& options) {
  MEAP_CHECK(options.needles >= 1 && options.needles <= Needles().size(), "a number of needles");
  return std::make_unique<NeedleTask>(options);
}

}  // namespace meap
