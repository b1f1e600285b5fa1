#include "text/post_processor.h"

namespace meap {
namespace {

constexpr uint32_t kLargestId = (1u << 22) - 1;

/// The id in ["</s>", 2].
int32_t PairedId(const JsonNode& node) {
  const std::vector<JsonNode> items = node.Items();
  if (items.size() != 2) node.FailExpected("a token and its id");
  return static_cast<int32_t>(items[1].Integer(kLargestId));
}

}  // namespace

PostProcessor::PostProcessor(const JsonNode& node) { Add(node); }

void PostProcessor::Add(const JsonNode& node) {
  const JsonNode type = node.Field("type");
  const std::string_view name = type.String();
  if (name == "Sequence") {
    for (const JsonNode& item : node.Field("processors").Items()) Add(item);
  } else if (name == "TemplateProcessing") {
    AddTemplate(node);
  } else if (name == "BertProcessing" || name == "RobertaProcessing") {
    before.insert(before.begin(), PairedId(node.Field("cls")));
    after.push_back(PairedId(node.Field("sep")));
  } else if (name != "ByteLevel") {  // which moves offsets only
    type.FailUnsupported(
        "Sequence, TemplateProcessing, ByteLevel, BertProcessing or RobertaProcessing");
  }
}

void PostProcessor::AddTemplate(const JsonNode& node) {
  const JsonNode single = node.Field("single");
  const JsonNode known = node.Field("special_tokens");
  std::vector<int32_t> left;
  std::vector<int32_t> right;
  bool text_seen = false;
  for (const JsonNode& piece : single.Items()) {
    if (const auto sequence = piece.Optional("Sequence")) {
      if (text_seen || sequence->Field("id").String() != "A") {
        single.FailUnsupported("a template for single texts with the text once in it");
      }
      text_seen = true;
      continue;
    }
    const JsonNode name = piece.Field("SpecialToken").Field("id");
    for (const JsonNode& id : known.Field(name.String()).Field("ids").Items()) {
      (text_seen ? right : left).push_back(static_cast<int32_t>(id.Integer(kLargestId)));
    }
  }
  if (!text_seen) single.FailUnsupported("a template for single texts with the text once in it");
  before.insert(before.begin(), left.begin(), left.end());
  after.insert(after.end(), right.begin(), right.end());
}

}  // namespace meap
