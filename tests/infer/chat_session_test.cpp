#include "infer/chat_session.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "model/presets.h"
#include "tests/support.h"

namespace meap {
namespace {

using ::meap::testing::ErrorOf;
using ::testing::HasSubstr;

/// A small model with fresh weights that talks under `chat_template`.
LoadedModel FreshModel(const std::string& chat_template, int64_t context) {
  Tokenizer tokenizer = Tokenizer::Load(testing::Fixture("tokenizers/some-bytes"));
  tokenizer.SetChatTemplate(chat_template);
  ModelOptions options;
  options.preset = "tiny";
  Llama model(ConfigFromOptions(options, tokenizer.VocabSize(), context), at::kFloat, at::kCPU);
  model.Initialize(1);
  return {std::move(tokenizer), std::move(model), at::kCPU};
}

class ChatSessionTest : public ::testing::Test {
 protected:
  LoadedModel loaded_ = FreshModel(
      "{% for m in messages %}{% if m.content == 'bad' %}{{ raise_exception('no') }}{% endif %}"
      "{{ m.content }} {% endfor %}",
      64);
  ChatSession session_{loaded_, ChatTemplate("model", loaded_.tokenizer)};

  ErrorParts AnswerTo(const std::string& text) {
    session_.Say(text);
    return ErrorOf(
        [&] { session_.Answer({.max_new_tokens = 2}, [](const auto&) { return true; }); });
  }
};

TEST_F(ChatSessionTest, AMessageThatTheTemplateRefusesIsForgotten) {
  EXPECT_THAT(AnswerTo("bad").what, HasSubstr("refuses"));
  EXPECT_TRUE(session_.messages().empty());
  session_.Say("a");
  session_.Answer({.max_new_tokens = 2}, [](const std::string&) { return true; });
  EXPECT_EQ(session_.messages().size(), 2U);
}

TEST_F(ChatSessionTest, SoIsOneThatIsTooLong) {
  EXPECT_THAT(AnswerTo(std::string(500, 'a')).what, HasSubstr("longer than the model's context"));
  EXPECT_TRUE(session_.messages().empty());
}

}  // namespace
}  // namespace meap
