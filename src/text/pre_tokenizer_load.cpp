// Reading of a tokenizer.json's pre-tokeniser.
#include "text/pre_tokenizer.h"

namespace meap {

PreTokenizer::PreTokenizer(const JsonNode& node, bool bytes_last) {
  Add(node);
  if (bytes_last && !steps_.empty() && steps_.back().kind == Kind::kByteLevel) steps_.pop_back();
}

bool PreTokenizer::EndsInByteLevel(const JsonNode& node) {
  const std::string_view type = node.Field("type").String();
  if (type != "Sequence") return type == "ByteLevel";
  const std::vector<JsonNode> items = node.Field("pretokenizers").Items();
  return !items.empty() && EndsInByteLevel(items.back());
}

void PreTokenizer::Add(const JsonNode& node) {
  const JsonNode type = node.Field("type");
  const std::string_view name = type.String();
  if (name == "Sequence") {
    for (const JsonNode& item : node.Field("pretokenizers").Items()) Add(item);
  } else if (name == "Split") {
    AddSplit(node);
  } else if (name == "ByteLevel") {
    AddByteLevel(node);
  } else if (name == "Metaspace") {
    AddMetaspace(node);
  } else {
    AddClass(node, name);
  }
}

void PreTokenizer::AddClass(const JsonNode& node, std::string_view name) {
  if (name == "Digits") {
    const bool individual = node.Field("individual_digits").Bool();
    steps_.push_back(
        {Kind::kDigits, individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous});
  } else if (name == "Punctuation") {
    const auto behavior = node.Optional("behavior");
    steps_.push_back(
        {Kind::kPunctuation, behavior ? ReadSplitBehavior(*behavior) : SplitBehavior::kIsolated});
  } else if (name == "Whitespace") {
    steps_.push_back({Kind::kWhitespace});
  } else if (name == "WhitespaceSplit") {
    steps_.push_back({Kind::kWhitespaceSplit, SplitBehavior::kRemoved});
  } else {
    node.Field("type").FailUnsupported(
        "Sequence, ByteLevel, Split, Digits, Metaspace, Punctuation, Whitespace or "
        "WhitespaceSplit");
  }
}

void PreTokenizer::AddSplit(const JsonNode& node) {
  Step step{Kind::kSplit, ReadSplitBehavior(node.Field("behavior"))};
  step.invert = node.Field("invert").Bool();
  const JsonNode pattern = node.Field("pattern");
  // Both scanners cover the whole text with matches, so only Isolated leaves what they find.
  if (const auto regex = pattern.Optional("Regex");
      regex && step.behavior == SplitBehavior::kIsolated) {
    const std::string_view text = regex->String();
    if (text == kLlama3Pattern || text == kQwen2Pattern) {
      step.kind = Kind::kLlama3;
      step.max_digits = text == kLlama3Pattern ? 3 : 1;
    } else if (text == kGpt2Pattern) {
      step.kind = Kind::kGpt2;
    }
  }
  if (step.kind == Kind::kSplit) step.pattern.emplace_back(pattern);
  steps_.push_back(std::move(step));
}

void PreTokenizer::AddByteLevel(const JsonNode& node) {
  if (node.Field("add_prefix_space").Bool()) steps_.push_back({Kind::kPrefixSpace});
  if (node.BoolOr("use_regex", true)) steps_.push_back({Kind::kGpt2});
  steps_.push_back({Kind::kByteLevel});
}

void PreTokenizer::AddMetaspace(const JsonNode& node) {
  Step step{Kind::kMetaspace};
  step.replacement = node.Field("replacement").Character();
  step.split = node.BoolOr("split", true);
  step.prepend = Prepend::kAlways;
  if (const auto scheme = node.Optional("prepend_scheme")) {
    const std::string_view name = scheme->String();
    if (name == "first") {
      step.prepend = Prepend::kFirst;
    } else if (name == "never") {
      step.prepend = Prepend::kNever;
    } else if (name != "always") {
      scheme->FailUnsupported("always, first or never");
    }
  }
  if (const auto prefix = node.Optional("add_prefix_space");
      prefix && !prefix->Bool() && step.prepend != Prepend::kNever) {
    prefix->FailExpected("true, or a prepend_scheme of \"never\" beside it");
  }
  steps_.push_back(std::move(step));
}

}  // namespace meap
