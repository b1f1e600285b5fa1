#include "chat/sample.h"

#include <gmock/gmock.h>

#include "tests/support.h"

namespace meap {
namespace {

using testing::ErrorOf;
using ::testing::HasSubstr;

/// Characters as tokens, "ab" as one, <s> before every text, <s> and </s> as special tokens.
std::string LettersJson() {
  std::string vocabulary = R"("?":0,"ab":1)";
  const std::string letters = "abcdefghijklmnopqrstuvwxyzBIRW #:.,'\xC3\xA9";
  int id = 2;
  for (size_t i = 0; i < letters.size(); ++id) {
    const size_t length = static_cast<uint8_t>(letters[i]) < 0x80 ? 1 : 2;
    vocabulary += ",\"" + letters.substr(i, length) + "\":" + std::to_string(id);
    i += length;
  }
  vocabulary += ",\"\\n\":" + std::to_string(id);
  return R"({"added_tokens":[{"id":40,"content":"<s>","single_word":false,"lstrip":false,)"
         R"("rstrip":false,"normalized":false,"special":true},{"id":41,"content":"</s>",)"
         R"("single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],)"
         R"("post_processor":{"type":"TemplateProcessing",)"
         R"("single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],)"
         R"("pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[40],"tokens":["<s>"]}}},)"
         R"("model":{"type":"BPE","unk_token":"?","fuse_unk":false,"vocab":{)" +
         vocabulary + R"(},"merges":[["a","b"]]}})";
}

Tokenizer Letters(const std::string& chat_template = "") {
  return Tokenizer::FromJson(
      LettersJson(),
      R"({"bos_token":"<s>","eos_token":"</s>","chat_template":")" + chat_template + "\"}");
}

/// The tokens' texts, each with p, a or e before it, and ! for special ones.
std::string Shown(const Tokenizer& tokenizer, const TaggedTokens& sample) {
  std::string shown;
  for (size_t i = 0; i < sample.ids.size(); ++i) {
    shown += "pae"[static_cast<size_t>(sample.roles[i])];
    if (sample.special[i] != 0) shown += '!';
    shown += tokenizer.IdToToken(sample.ids[i]).value_or("none") + ' ';
  }
  return shown;
}

TEST(EncodeConversation, PlainHasBosPromptAnswerEnd) {
  const Tokenizer tokenizer = Letters();
  const ChatTemplate chat("plain", tokenizer);
  const std::vector<Message> messages = {{"user", "q:"}, {"assistant", "cd"}};
  EXPECT_EQ(Shown(tokenizer, EncodeConversation(chat, tokenizer, messages)),
            "p!<s> pq p: ac ad e!</s> ");
}

TEST(EncodeConversation, HistoryStaysAndEveryAnswerIsTagged) {
  const Tokenizer tokenizer = Letters();
  const ChatTemplate chat("plain", tokenizer);
  const std::vector<Message> messages = {
      {"user", "q"}, {"assistant", "c"}, {"user", "r"}, {"assistant", "d"}};
  EXPECT_EQ(Shown(tokenizer, EncodeConversation(chat, tokenizer, messages)),
            "p!<s> pq ac e!</s> pr ad e!</s> ");
}

TEST(EncodeConversation, ATokenAcrossTheBorderBelongsWhereItBegins) {
  const Tokenizer tokenizer = Letters();
  const ChatTemplate chat("plain", tokenizer);
  const std::vector<Message> messages = {{"user", "qa"}, {"assistant", "bc"}};
  EXPECT_EQ(Shown(tokenizer, EncodeConversation(chat, tokenizer, messages)),
            "p!<s> pq pab ac e!</s> ");
  const std::vector<Message> swallowed = {{"user", "qa"}, {"assistant", "b"}};
  EXPECT_THAT(ErrorOf([&] { EncodeConversation(chat, tokenizer, swallowed); }).what,
              HasSubstr("empty"));
}

TEST(EncodeConversation, AlpacaWordForWord) {
  const Tokenizer tokenizer = Letters();
  const ChatTemplate chat("alpaca", tokenizer);
  EXPECT_EQ(chat.Render(std::vector<Message>{{"user", "Do.", "it"}}, true).text,
            "Below is an instruction that describes a task, paired with an input that provides "
            "further context. Write a response that appropriately completes the request.\n\n"
            "### Instruction:\nDo.\n\n### Input:\nit\n\n### Response:");
  const RenderedChat chatted =
      chat.Render(std::vector<Message>{{"user", "Do."}, {"assistant", "Done"}}, false);
  EXPECT_EQ(chatted.text,
            "Below is an instruction that describes a task. Write a response that appropriately "
            "completes the request.\n\n### Instruction:\nDo.\n\n### Response:Done</s>");
  ASSERT_EQ(chatted.answers.size(), 1u);
  const RenderedAnswer answer = chatted.answers[0];
  EXPECT_EQ(chatted.text.substr(answer.begin, answer.end - answer.begin), "Done");
}

TEST(EncodePrompt, IsTheSampleUpToItsAnswer) {
  const Tokenizer tokenizer = Letters();
  for (const char* name : {"llama2", "mistral", "alpaca", "plain"}) {
    const ChatTemplate chat(name, tokenizer);
    std::vector<Message> messages = {
        {"user", "one"}, {"assistant", "cd"}, {"user", "two"}, {"assistant", "ef"}};
    const TaggedTokens whole = EncodeConversation(chat, tokenizer, messages);
    messages.pop_back();
    const std::vector<int32_t> prompt = EncodePrompt(chat, tokenizer, messages);
    ASSERT_LT(prompt.size(), whole.ids.size()) << name;
    EXPECT_TRUE(std::equal(prompt.begin(), prompt.end(), whole.ids.begin())) << name;
    EXPECT_EQ(whole.roles[prompt.size()], TokenRole::kAnswer) << name;
  }
}

TEST(EncodeConversation, WhatTheModelsTemplateWritesBeforeAMessageIsTheModelsToSay) {
  const Tokenizer tokenizer =
      Letters(R"({% for m in messages %}{% if m.role == 'user' %}{{ m.content + '#' }}{% else %})"
              R"({{ 'th' + m.content.strip() + ' ' + eos_token }}{% endif %}{% endfor %})");
  const ChatTemplate chat("model", tokenizer);
  const std::vector<Message> messages = {
      {"user", "q"}, {"assistant", " c "}, {"user", "r"}, {"assistant", "d"}};
  EXPECT_EQ(Shown(tokenizer, EncodeConversation(chat, tokenizer, messages)),
            "pq p# at ah ac e  e!</s> pr p# at ah ad e  e!</s> ");
}

TEST(EncodeConversation, GenerationBlocksDecide) {
  const Tokenizer tokenizer = Letters(
      R"({% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% else %}{{ 'th' }})"
      R"({%- generation %}{{ m.content }}xy{% endgeneration %}z{% endif %}{% endfor %})");
  const ChatTemplate chat("model", tokenizer);
  const std::vector<Message> messages = {{"user", "q"}, {"assistant", "c"}};
  EXPECT_EQ(Shown(tokenizer, EncodeConversation(chat, tokenizer, messages)),
            "pq pt ph ac ex ey ");  // a sample ends with the end of its last answer
}

TEST(EncodeConversation, ASampleEndsWithTheLastAnswersEndToken) {
  const Tokenizer tokenizer =
      Letters(R"({% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% else %})"
              R"({{ m.content + eos_token + '.' }}{% endif %}{% endfor %})");
  const ChatTemplate chat("model", tokenizer);
  std::vector<Message> messages = {
      {"user", "q"}, {"assistant", "c"}, {"user", "r"}, {"assistant", "d"}};
  EXPECT_EQ(chat.Render(messages, false).text, "qc</s>.rd</s>.");
  EXPECT_EQ(Shown(tokenizer, EncodeConversation(chat, tokenizer, messages)),
            "pq ac e!</s> p. pr ad e!</s> ");
  messages.pop_back();  // a prompt stays whole
  EXPECT_EQ(Shown(tokenizer, EncodeConversation(chat, tokenizer, messages)), "pq ac e!</s> p. pr ");
}

TEST(EncodeConversation, ASampleWithoutAnEndTokenStaysWhole) {
  const Tokenizer tokenizer =
      Letters(R"({% for m in messages %}{{ m.content + '.' }}{% endfor %})");
  const std::vector<Message> messages = {{"user", "q"}, {"assistant", "c"}};
  EXPECT_EQ(
      Shown(tokenizer, EncodeConversation(ChatTemplate("model", tokenizer), tokenizer, messages)),
      "pq p. ac p. ");
}

TEST(EncodeConversation, MarkersAreNoTextThoughTheFileDoesNotFlagThem) {
  std::string json = LettersJson();
  for (size_t at; (at = json.find("\"special\":true")) != std::string::npos;) {
    json.replace(at, std::string("\"special\":true").size(), "\"special\":false");
  }
  for (const char* token : {"{\"id\":42,\"content\":\"<u>\"", "{\"id\":43,\"content\":\"  \""}) {
    json.insert(json.find("],\"post_processor\""),
                "," + std::string(token) +
                    R"(,"single_word":false,"lstrip":false,"rstrip":false,"normalized":false,)"
                    R"("special":false})");
  }
  const Tokenizer tokenizer =
      Tokenizer::FromJson(json, R"({"bos_token":"<s>","eos_token":"</s>","pad_token":"#"})");
  const std::vector<Message> messages = {{"user", "<u>q  r#"}, {"assistant", "c"}};
  EXPECT_EQ(
      Shown(tokenizer, EncodeConversation(ChatTemplate("plain", tokenizer), tokenizer, messages)),
      "p!<s> p!<u> pq p   pr p!# ac e!</s> ");
}

TEST(EncodeConversation, ATemplateThatLeavesOutOrRewritesAnswersIsAnErrorWhenTraining) {
  const std::vector<Message> messages = {{"user", "q"}, {"assistant", "c"}};
  for (const char* source : {"{{ messages[0].content }}", "{{ messages | tojson }}"}) {
    const Tokenizer tokenizer = Letters(source);
    const ChatTemplate chat("model", tokenizer);
    EXPECT_FALSE(chat.Render(messages, false).text.empty());
    EXPECT_THAT(ErrorOf([&] { EncodeConversation(chat, tokenizer, messages); }).what,
                HasSubstr("leaves out an answer"));
  }
}

TEST(EndTokens, HoldEos) {
  const Tokenizer tokenizer = Letters();
  EXPECT_EQ(EndTokens(ChatTemplate("alpaca", tokenizer), tokenizer), std::vector<int32_t>{41});
}

TEST(ChatTemplates, UnknownNamesAreErrors) {
  EXPECT_EQ(ErrorOf([] { ChatTemplate("llama9", Letters()); }).got, "llama9");
}

}  // namespace
}  // namespace meap
