#include "evaltext/needlebench.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "objective/python_random.h"

namespace meap {
namespace {

// A older, B younger, R the term between them.
constexpr std::string_view kRelations[] = {
    "{A} is {B}'s {R}.",
    "{B}'s {R} is {A}.",
    "{A}, as {B}'s {R}, has a significant impact on {B}'s upbringing.",
    "{A} is not only {B}'s {R} but also {B}'s role model.",
    "During {B}'s upbringing, {A} was not only {B}'s {R}, but also {B}'s guardian.",
    "For {B}, {A} is not just a {R}, but also a friend.",
    "For {B}, {A} is more than just a {R}; {A} is a lifelong mentor of {B}."};
constexpr std::string_view kTerms[] = {"father",
                                       "mother",
                                       "dad",
                                       "mom",
                                       "grandfather",
                                       "grandmother",
                                       "maternal grandmother",
                                       "maternal grandfather",
                                       "paternal grandfather",
                                       "paternal grandmother"};

constexpr std::string_view kV2Examples =
    "\n\nFor example:\n"
    "Example 1: If James Hill's father is Jasmine Lane, and no further information about familial "
    "relationships is provided in the text, then the oldest relative James Hill can trace back to "
    "in the provided text is \\boxed{Jasmine Lane}.\n"
    "Example 2: If Andrew Williams's grandmother is Dan Newton, and Dan Newton's father is James "
    "Hill, and no further information about familial relationships is provided in the text, then "
    "the oldest relative Andrew Williams can trace back to in the provided text is "
    "\\boxed{James Hill}.\n"
    "Example 3: If Jeff White's father is Kevin Le, Dan Newton's grandmother is Jeff White, and "
    "Jeff White's father is Kevin Le, and Shelley Mills is Dan Newton's great-granddaughter, and "
    "no further information about familial relationships is provided in the text, then the oldest "
    "relative Shelley Mills can trace back to in the provided text is \\boxed{Kevin Le}.\n\n"
    "Notes:\n"
    "1. You do not need to worry about the gender consistency of names in this test. For example, "
    "a name that is typically considered feminine can still be the father of another person. Our "
    "primary focus is on who is older.\n"
    "2. Ignore surname inheritance issues. For instance, Andrew Williams could still be the "
    "biological father of Christopher Baker. We only care about who is older and do not need to "
    "consider whether a child should inherit the father's or mother's surname.\n";

std::string Relation(std::string_view form, std::string_view older, std::string_view younger,
                     std::string_view term) {
  std::string text;
  for (size_t at = 0; at < form.size(); ++at) {
    if (form[at] != '{') {
      text += form[at];
      continue;
    }
    const char name = form[at + 1];
    text += name == 'A' ? older : name == 'B' ? younger : term;
    at += 2;
  }
  return text;
}

/// random.shuffle of CPython.
template <typename T>
void Shuffle(std::vector<T>& values, PythonRandom& random) {
  for (size_t i = values.size(); i-- > 1;) {
    std::swap(values[i], values[random.Below(static_cast<uint32_t>(i + 1))]);
  }
}

}  // namespace

ScatteredContext ScatterNeedles(std::span<const int32_t> haystack,
                                std::span<const std::vector<int32_t>> needles, int depth_percent,
                                int gap_percent) {
  const auto size = static_cast<double>(haystack.size());
  std::vector<size_t> points;
  size_t before = 0;  // tokens of the needles so far
  for (size_t i = 0; i < needles.size(); ++i) {
    auto point = static_cast<size_t>(size * (depth_percent / 100.0));
    if (i > 0) {
      point = static_cast<size_t>(static_cast<double>(points[i - 1] + needles[i - 1].size()) +
                                  size * (gap_percent / 100.0));
    }
    points.push_back(std::min(point, haystack.size() + before));
    before += needles[i].size();
  }
  ScatteredContext context;
  context.tokens.assign(haystack.begin(), haystack.end());
  for (size_t i = 0; i < needles.size(); ++i) {
    const size_t at = std::min(points[i], context.tokens.size());
    context.tokens.insert(context.tokens.begin() + static_cast<std::ptrdiff_t>(at),
                          needles[i].begin(), needles[i].end());
    context.needles_at.push_back(at);
    for (size_t j = i + 1; j < needles.size(); ++j) points[j] += needles[i].size();
  }
  return context;
}

std::vector<size_t> EssayOrder(size_t essays, uint32_t repeat) {
  // The reference shuffles one list again and again, each time after seeding anew.
  std::vector<size_t> order(essays);
  std::iota(order.begin(), order.end(), size_t{0});
  for (uint32_t c = 0; c <= repeat; ++c) {
    PythonRandom random(c);
    Shuffle(order, random);
  }
  return order;
}

size_t PickItem(size_t count, uint32_t repeat) {
  return PythonRandom(repeat).Below(static_cast<uint32_t>(count));
}

Puzzle FamilyPuzzle(const std::vector<std::string>& names, size_t facts, uint32_t repeat) {
  MEAP_CHECK(names.size() > facts, "a name more than facts");
  PythonRandom random(repeat);
  const std::vector<int32_t> drawn =
      random.Sample(static_cast<uint32_t>(names.size()), static_cast<uint32_t>(facts + 1));
  const auto name = [&](size_t i) { return names[static_cast<size_t>(drawn[i])]; };
  Puzzle puzzle;
  for (size_t i = 0; i < facts; ++i) {
    const std::string_view form = kRelations[random.Below(std::size(kRelations))];
    const std::string_view term = kTerms[random.Below(std::size(kTerms))];
    puzzle.facts.push_back(Relation(form, name(i), name(i + 1), term));
  }
  Shuffle(puzzle.facts, random);
  puzzle.question = "Given the context described above, who is the eldest relative that '" +
                    name(facts) + "' can trace back to in the context?";
  puzzle.answer = name(0);
  puzzle.id = name(facts);
  return puzzle;
}

NeedleBenchContext::NeedleBenchContext(const std::vector<std::string>& essays,
                                       const TokenCodec& codec)
    : codec_(codec) {
  for (const std::string& essay : essays) essays_.push_back(codec.encode(essay));
}

std::string NeedleBenchContext::Build(const Puzzle& puzzle, uint32_t repeat, int64_t length,
                                      int64_t buffer, int depth_percent) const {
  std::vector<std::vector<int32_t>> needles;
  int64_t needle_tokens = 0;
  for (const std::string& fact : puzzle.facts) {
    needles.push_back(codec_.encode("\n" + fact + "\n"));
    needle_tokens += static_cast<int64_t>(needles.back().size());
  }
  const auto budget = static_cast<size_t>(std::max<int64_t>(0, length - buffer - needle_tokens));
  std::vector<int32_t> haystack;
  for (const size_t essay : EssayOrder(essays_.size(), repeat)) {
    if (haystack.size() >= budget) break;
    haystack.insert(haystack.end(), essays_[essay].begin(), essays_[essay].end());
  }
  haystack.resize(std::min(haystack.size(), budget));
  return codec_.decode(ScatterNeedles(haystack, needles, depth_percent, kNeedleGapPercent).tokens);
}

std::string NeedleBenchPrompt(std::string_view context, std::string_view question) {
  return "You are an intelligent AI assistant skilled in answering user questions.\n"
         "Please keep your answers concise and clear. Do not talk about irrelevant topics or "
         "repeat your answers.\n"
         "The document given to you by the user is " +
         std::string(context) + "\n\nNow, the question is: " + std::string(question) +
         "Before answering, please consider what in the document is most relevant to this "
         "question.";
}

std::string NeedleBenchV2Prompt(std::string_view context, std::string_view question,
                                std::string_view person) {
  return "This is a test of long-text capability. You need to first read the long document below, "
         "and then answer the final question based on the information in the document.\n"
         "The content of the long document is as follows\n\n<Document>\n" +
         std::string(context) +
         "\n</Document>\n\nBased on the information in the document, now please answer: " +
         std::string(question) + std::string(kV2Examples) +
         "3. At the end of your response, remember to put your final answer within \\boxed{}. For "
         "example: \"So the oldest relative '" +
         std::string(person) +
         "' can trace back to in the provided text is \\boxed{(your answer here)}.\"\n\n";
}

}  // namespace meap
