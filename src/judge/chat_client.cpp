#include "judge/chat_client.h"

#include <fmt/format.h>
#include <httplib.h>

#include <chrono>
#include <cmath>
#include <ctime>

#include "core/error.h"
#include "core/strings.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

/// A URL as the HTTP library wants it: "https://host:port" and "/v1".
struct BaseUrl {
  std::string origin;
  std::string path;
};

BaseUrl SplitUrl(const std::string& url) {
  const size_t host = url.find("://") + 3;
  const size_t slash = std::min(url.find('/', host), url.size());
  BaseUrl base{url.substr(0, slash), url.substr(slash)};
  while (base.path.ends_with('/')) base.path.pop_back();
  return base;
}

/// The beginning of a body, for messages, on one line.
std::string Excerpt(const std::string& body) {
  constexpr size_t kLongest = 200;
  if (!IsValidUtf8(body)) return "bytes that are not UTF-8";
  size_t size = std::min(body.size(), kLongest);
  while (size < body.size() && (static_cast<uint8_t>(body[size]) & 0xC0) == 0x80) --size;
  std::string text = body.substr(0, size);
  for (char& c : text) c = c == '\n' || c == '\r' ? ' ' : c;
  return text + (size < body.size() ? "..." : "");
}

/// The server's own words: `error.message` of an OpenAI error, else the beginning of the body.
std::string ServerMessage(const Json& object, const std::string& body) {
  const Json error = object.is_object() ? object.value("error", Json()) : Json();
  if (error.is_string()) return Excerpt(error.get<std::string>());
  if (error.is_object() && error.value("message", Json()).is_string()) {
    return Excerpt(error.at("message").get<std::string>());
  }
  return body.empty() ? "an empty body" : Excerpt(body);
}

/// Retry-After in seconds: a number, or the time until a date.
std::optional<double> RetryAfter(const std::string& header) {
  if (header.empty()) return std::nullopt;
  char* end = nullptr;
  const double seconds = std::strtod(header.c_str(), &end);
  if (end != header.c_str() && std::isfinite(seconds) && seconds >= 0) return seconds;
  std::tm date{};
  if (::strptime(header.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date) == nullptr)
    return std::nullopt;
  return std::max(0.0, std::difftime(::timegm(&date), std::time(nullptr)));
}

ChatOutcome::Kind KindOf(int status) {
  using Kind = ChatOutcome::Kind;
  if (status >= 500 || status == 408 || status == 409 || status == 425 || status == 429) {
    return Kind::kTryAgain;
  }
  if (status == 401 || status == 403 || status == 404 || status == 405) return Kind::kNoService;
  return status >= 400 ? Kind::kRefused : Kind::kNoService;  // a redirection leads elsewhere
}

/// What the HTTP library's failure means.
ChatOutcome NoAnswer(httplib::Error error) {
  using Kind = ChatOutcome::Kind;
  switch (error) {
    case httplib::Error::Connection:
    case httplib::Error::ConnectionTimeout:
      return {Kind::kTryAgain, "cannot connect"};
    case httplib::Error::Read:
    case httplib::Error::Write:
      return {Kind::kTryAgain, "the connection broke"};
    case httplib::Error::SSLConnection:
      return {Kind::kTryAgain, "no secure connection"};
    case httplib::Error::SSLLoadingCerts:
    case httplib::Error::SSLServerVerification:
      return {Kind::kNoService, "the server's certificate is not to be trusted"};
    default:
      return {Kind::kTryAgain, "no answer (" + httplib::to_string(error) + ")"};
  }
}

}  // namespace

ChatOutcome ReadCompletion(const std::string& body) {
  const Json object = Json::parse(body, nullptr, false);
  const auto broken = [&](const char* what) {
    return ChatOutcome{ChatOutcome::Kind::kTryAgain,
                       fmt::format("{}: {}", what, ServerMessage(object, body))};
  };
  if (object.is_discarded()) return broken("the reply is not JSON");
  const Json choices = object.is_object() ? object.value("choices", Json()) : Json();
  if (!choices.is_array() || choices.empty() || !choices[0].is_object()) {
    return broken("the reply has no choices");
  }
  const Json message = choices[0].value("message", Json());
  const Json content = message.is_object() ? message.value("content", Json()) : Json();
  if (!message.is_object() || (!content.is_string() && !content.is_null())) {
    return broken("the reply has no message");
  }
  ChatOutcome outcome{ChatOutcome::Kind::kReply,
                      content.is_string() ? content.get<std::string>() : ""};
  outcome.usage = object.value("usage", Json());
  return outcome;
}

ChatOutcome ReadAnswer(int status, const std::string& retry_after, const std::string& body) {
  if (status == 200) return ReadCompletion(body);
  const std::string message = ServerMessage(Json::parse(body, nullptr, false), body);
  return {KindOf(status), fmt::format("HTTP {}: {}", status, message), RetryAfter(retry_after)};
}

struct ChatClient::Connection {
  Connection(const Judge& judge, const BaseUrl& base)
      : client(base.origin), path(base.path + "/chat/completions"), timeout(judge.timeout) {}
  httplib::Client client;
  std::string path;
  std::chrono::duration<double> timeout;
  httplib::Headers headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
};

ChatClient::ChatClient(const Judge& judge, const std::string& api_key) {
  const BaseUrl base = SplitUrl(judge.url);
  connection_ = std::make_unique<Connection>(judge, base);
  httplib::Client& client = connection_->client;
  if (!client.is_valid()) {
    throw InputError({.what = "the judge " + judge.name + " has a URL that cannot be used",
                      .where = "url",
                      .expected = "http://HOST[:PORT]/PATH or https://...",
                      .got = judge.url});
  }
  const auto timeout = std::chrono::duration_cast<std::chrono::microseconds>(connection_->timeout);
  client.set_connection_timeout(std::min(timeout, std::chrono::microseconds(10'000'000)));
  client.set_read_timeout(timeout);
  client.set_write_timeout(timeout);
  client.set_keep_alive(true);
  if (!api_key.empty()) connection_->headers.emplace("Authorization", "Bearer " + api_key);
}

ChatClient::~ChatClient() = default;

ChatOutcome ChatClient::Ask(const Json& body) {
  httplib::Request request;
  request.method = "POST";
  request.path = connection_->path;
  request.headers = connection_->headers;
  request.body = body.dump(-1, ' ', true, Json::error_handler_t::replace);
  // The library's time-out is for each read; a reply that trickles in must end too.
  const auto deadline = Clock::now() + connection_->timeout;
  request.progress = [&](uint64_t, uint64_t) { return Clock::now() < deadline; };
  const httplib::Result result = connection_->client.send(request);
  if (!result) {
    if (Clock::now() < deadline) return NoAnswer(result.error());
    return {ChatOutcome::Kind::kTryAgain,
            fmt::format("no reply within {:g} s", connection_->timeout.count())};
  }
  return ReadAnswer(result->status, result->get_header_value("Retry-After"), result->body);
}

}  // namespace meap
