// One request to an OpenAI chat API over HTTP, and what to make of the answer.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "judge/judges.h"

namespace meap {

/// What came of one try.
struct ChatOutcome {
  enum class Kind {
    kReply,      // `text` is the reply (empty when the model said nothing)
    kTryAgain,   // the server was busy, slow or broken: HTTP 408, 409, 425, 429, 5xx, no connection
    kRefused,    // this request will never be answered: other 4xx
    kNoService,  // no request will be: key, address or model is wrong (401, 403, 404, 405)
  };
  Kind kind = Kind::kTryAgain;
  std::string text;                        // the reply, or what went wrong
  std::optional<double> retry_after = {};  // seconds that the server asks to wait
  nlohmann::ordered_json usage = nullptr;  // tokens, as the server counted them
};

/// Reads the body of a finished chat completion (`choices[0].message.content`); one that is none is
/// kTryAgain.
ChatOutcome ReadCompletion(const std::string& body);

/// Reads an HTTP answer; `retry_after` is that header's value or "".
ChatOutcome ReadAnswer(int status, const std::string& retry_after, const std::string& body);

/// A connection to one judge, kept open between requests. For one thread.
class ChatClient {
 public:
  /// A URL that cannot be used is an InputError.
  ChatClient(const Judge& judge, const std::string& api_key);
  ChatClient(const ChatClient&) = delete;
  ChatClient& operator=(const ChatClient&) = delete;
  ~ChatClient();

  /// Makes the request once and waits, at most the judge's timeout.
  ChatOutcome Ask(const nlohmann::ordered_json& body);

 private:
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace meap
