#include "eval/chat_prompt.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support.h"

namespace meap {
namespace {

const std::vector<ChatTurn> kNeedle = {
    {"system", "Be brief."}, {"user", "The document."}, {"user", "The question?"}};

/// One unknown token for everything: only the text matters here.
Tokenizer Tokens(const std::string& chat_template = "") {
  const nlohmann::json config = {
      {"bos_token", "<s>"}, {"eos_token", "</s>"}, {"chat_template", chat_template}};
  return Tokenizer::FromJson(
      R"({"added_tokens":[],"model":{"type":"BPE","unk_token":"?","fuse_unk":true,)"
      R"("vocab":{"?":0,"<s>":1,"</s>":2,"<|im_start|>":3,"<|im_end|>":4},"merges":[]}})",
      config.dump());
}

std::string Prompt(const std::string& name, const std::string& chat_template = "") {
  const Tokenizer tokenizer = Tokens(chat_template);
  return EncodeChat(ChatTemplate(name, tokenizer), tokenizer, kNeedle).text;
}

TEST(EncodeChat, TwoTurnsOfTheUsersAreOneWhereTheUsersTurnOpensTheAnswer) {
  EXPECT_EQ(Prompt("alpaca"),
            "Be brief.\n\n### Instruction:\nThe document.\n\nThe question?\n\n### Response:");
  EXPECT_EQ(Prompt("llama2"),
            "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nThe document.\n\nThe question? [/INST]");
  EXPECT_EQ(Prompt("mistral"), "<s>[INST] Be brief.\n\nThe document.\n\nThe question?[/INST]");
  EXPECT_EQ(Prompt("plain"), "Be brief.The document.\n\nThe question?");
}

TEST(EncodeChat, ABuiltInTemplateThatIsTheModelsOwnAsksTheSame) {
  for (const char* name : {"alpaca", "llama2", "mistral"}) {
    const Tokenizer tokenizer = Tokens();
    EXPECT_EQ(Prompt("model", ChatTemplate(name, tokenizer).Source(tokenizer)), Prompt(name));
  }
}

TEST(EncodeChat, TurnsWithHeadersOfTheirOwnStayTwo) {
  EXPECT_EQ(Prompt("chatml"),
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nThe document.<|im_end|>\n"
            "<|im_start|>user\nThe question?<|im_end|>\n<|im_start|>assistant\n");
}

TEST(EncodeChat, ATemplateThatRefusesThemGetsOne) {
  const std::string strict =
      "{% for m in messages %}{% if loop.index0 > 0 and m.role == messages[loop.index0 - 1].role %}"
      "{{ raise_exception('no') }}{% endif %}[{{ m.role }}]{{ m.content }}{% endfor %}"
      "{% if add_generation_prompt %}[assistant]{% endif %}";
  EXPECT_EQ(Prompt("model", strict),
            "[system]Be brief.[user]The document.\n\nThe question?[assistant]");
}

}  // namespace
}  // namespace meap
