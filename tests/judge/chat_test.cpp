#include <gmock/gmock.h>

#include "judge/ask.h"
#include "judge/chat_client.h"
#include "judge/dialogue.h"
#include "tests/support.h"

namespace meap {
namespace {

using ::testing::HasSubstr;
using Kind = ChatOutcome::Kind;

constexpr char kReply[] =
    R"({"choices": [{"message": {"role": "assistant", "content": "VERDICT: NO"}}],
        "usage": {"prompt_tokens": 7}})";

TEST(ReadAnswerTest, AReply) {
  const ChatOutcome outcome = ReadAnswer(200, "", kReply);
  EXPECT_EQ(outcome.kind, Kind::kReply);
  EXPECT_EQ(outcome.text, "VERDICT: NO");
  EXPECT_EQ(outcome.usage.at("prompt_tokens"), 7);
}

TEST(ReadAnswerTest, NothingSaidIsAReplyWithoutAVerdict) {
  const ChatOutcome outcome =
      ReadAnswer(200, "", R"({"choices": [{"message": {"content": null}}]})");
  EXPECT_EQ(outcome.kind, Kind::kReply);
  EXPECT_EQ(outcome.text, "");
}

TEST(ReadAnswerTest, BrokenRepliesAreTriedAgain) {
  for (const char* body :
       {"", "{", "[]", "null", R"({"choices": []})", R"({"choices": {}})", R"({"choices": [1]})",
        R"({"choices": [{"message": "x"}]})", R"({"choices": [{"message": {"content": 3}}]})",
        R"({"choices": [{"message": {"con)"}) {
    EXPECT_EQ(ReadAnswer(200, "", body).kind, Kind::kTryAgain) << body;
  }
  EXPECT_THAT(ReadAnswer(200, "", R"({"error": {"message": "overloaded"}})").text,
              HasSubstr("overloaded"));
}

TEST(ReadAnswerTest, WhatAStatusMeans) {
  for (const int status : {408, 409, 425, 429, 500, 502, 503, 529}) {
    EXPECT_EQ(ReadAnswer(status, "", "{}").kind, Kind::kTryAgain) << status;
  }
  for (const int status : {301, 401, 403, 404, 405}) {
    EXPECT_EQ(ReadAnswer(status, "", "{}").kind, Kind::kNoService) << status;
  }
  for (const int status : {400, 413, 422}) {
    EXPECT_EQ(ReadAnswer(status, "", "{}").kind, Kind::kRefused) << status;
  }
  EXPECT_EQ(ReadAnswer(400, "", R"({"error": "too long"})").text, "HTTP 400: too long");
  EXPECT_EQ(ReadAnswer(502, "", "<html>\nbad\n").text, "HTTP 502: <html> bad ");
  EXPECT_EQ(ReadAnswer(502, "", "\xff").text, "HTTP 502: bytes that are not UTF-8");
}

TEST(ReadAnswerTest, RetryAfter) {
  EXPECT_EQ(ReadAnswer(429, "2.5", "").retry_after, 2.5);
  EXPECT_EQ(ReadAnswer(429, "", "").retry_after, std::nullopt);
  EXPECT_EQ(ReadAnswer(429, "soon", "").retry_after, std::nullopt);
  EXPECT_EQ(ReadAnswer(429, "Wed, 21 Oct 2015 07:28:00 GMT", "").retry_after, 0);
  EXPECT_GT(ReadAnswer(429, "Wed, 21 Oct 2099 07:28:00 GMT", "").retry_after, 1e9);
}

TEST(PauseTest, DoublesUpToAMinuteUnlessTheServerNamesATime) {
  const Judge judge{.name = "a", .backoff = 1};
  for (int64_t failed = 1; failed < 100; ++failed) {
    const double pause = PauseBeforeRetry(judge, failed, std::nullopt, "key");
    const double expected = failed > 6 ? 60 : std::ldexp(1.0, static_cast<int>(failed) - 1);
    EXPECT_GE(pause, expected);
    EXPECT_LE(pause, 1.25 * expected);
  }
  EXPECT_NE(PauseBeforeRetry(judge, 1, std::nullopt, "a"),
            PauseBeforeRetry(judge, 1, std::nullopt, "b"));
  EXPECT_GE(PauseBeforeRetry(judge, 1, 20.0, "key"), 20);
  EXPECT_LE(PauseBeforeRetry(judge, 1, 1e12, "key"), 1.25 * 3600);
}

TEST(DialogueTest, EachStepFollowsFromTheRepliesSoFar) {
  const testing::TempDir dir;
  ReplyCache cache(dir / "cache");
  Judge judge{.name = "a", .url = "http://x/v1", .model = "m"};
  const auto first = NextStep(judge, "prompt", cache, true);
  ASSERT_TRUE(first.request.has_value());
  EXPECT_EQ(first.request->body.at("messages").size(), 1U);
  cache.Store(first.request->key, "hm");
  EXPECT_EQ(NextStep(judge, "prompt", cache, false).opinion.verdict, Verdict::kUndecided);
  const auto second = NextStep(judge, "prompt", cache, true);
  ASSERT_TRUE(second.request.has_value());
  EXPECT_EQ(second.request->body.at("messages")[1].at("content"), "hm");
  cache.Store(second.request->key, "VERDICT: YES");
  const auto end = NextStep(judge, "prompt", cache, true);
  EXPECT_FALSE(end.request.has_value());
  EXPECT_TRUE(end.opinion.repaired);
  EXPECT_EQ(end.opinion.verdict, Verdict::kHallucination);
  // Whatever could change a reply makes another question.
  EXPECT_TRUE(NextStep(judge, "prompt ", cache, true).request.has_value());
  Judge other = judge;
  other.url = "http://y/v1";
  EXPECT_TRUE(NextStep(other, "prompt", cache, true).request.has_value());
  other = judge;
  other.temperature = -1;
  const auto warm = NextStep(other, "prompt", cache, true);
  ASSERT_TRUE(warm.request.has_value());
  EXPECT_FALSE(warm.request->body.contains("temperature"));
}

TEST(ReplyCacheTest, OutlivesTheProcessAndKeepsTheFirstReply) {
  const testing::TempDir dir;
  ReplyCache(dir / "cache").Store("k", "first\nline \xc3\xa9", {{"judge", "a"}});
  {
    ReplyCache cache(dir / "cache");
    cache.Store("k", "second");
    EXPECT_EQ(cache.Find("k"), "first\nline \xc3\xa9");
    EXPECT_EQ(cache.Find("other"), std::nullopt);
  }
  EXPECT_EQ(ReplyCache(dir / "cache").Find("k"), "first\nline \xc3\xa9");
}

TEST(ReplyCacheTest, AnotherFileIsNoCache) {
  const testing::TempDir dir;
  LineLog(dir / "file", [](std::string_view) {}).Append(R"({"text": "a corpus"})");
  const ErrorParts parts = testing::ErrorOf([&] { ReplyCache cache(dir / "file"); });
  EXPECT_THAT(parts.where, HasSubstr("file:1"));
}

}  // namespace
}  // namespace meap
