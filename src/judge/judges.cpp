#include "judge/judges.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "config/yaml_reader.h"
#include "core/error.h"
#include "core/strings.h"

namespace meap {
namespace {

constexpr std::string_view kSection = "judges.";

/// All judges of a file as one set of options, which the YAML reader fills.
struct JudgesFile {
  std::vector<Judge> judges;
  void Describe(OptionVisitor& visitor) {
    for (Judge& judge : judges) judge.Describe(visitor);
  }
};

[[noreturn]] void NoJudges(const fs::path& file) {
  throw InputError({.what = "no judge is configured",
                    .where = file.string(),
                    .expected = std::string("a file such as\n") + kJudgesExample});
}

void CheckName(const std::string& name, const std::string& place) {
  const auto allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; };
  if (!name.empty() && std::all_of(name.begin(), name.end(), allowed) && name != "majority") return;
  throw InputError({.what = "a judge cannot have this name",
                    .where = place,
                    .expected = "letters, digits and dashes, not \"majority\": metrics are called "
                                "clean_NAME",
                    .got = name,
                    .hint = "the server's name of the model goes under `model`"});
}

/// The names under `judges:`, sorted; each key is judges.NAME.OPTION.
std::vector<std::string> JudgeNames(const OptionSource& source) {
  std::vector<std::string> names;
  for (const std::string& key : source.Keys()) {
    if (!key.starts_with(kSection)) continue;  // Apply() tells that it is unknown
    const size_t dot = key.rfind('.');
    if (dot < kSection.size()) continue;
    const std::string name = key.substr(kSection.size(), dot - kSection.size());
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    CheckName(name, source.Place(key));
    names.push_back(name);
  }
  return names;
}

void CheckComplete(const Judge& judge, const fs::path& file) {
  const auto missing = [&](const char* option, const std::string& expected) {
    throw InputError({.what = "the judge " + judge.name + " has no " + option,
                      .where = file.string() + ", judges." + judge.name,
                      .expected = expected});
  };
  if (judge.model.empty()) missing("model", "the name by which the server knows the model");
  const bool http = judge.url.starts_with("http://") || judge.url.starts_with("https://");
  if (!http) missing("url", "a base URL such as http://127.0.0.1:8000/v1");
}

}  // namespace

const char* const kJudgesExample =
    "    judges:\n"
    "      local:\n"
    "        url: http://127.0.0.1:8000/v1\n"
    "        model: Qwen/Qwen2.5-7B-Instruct\n"
    "      gpt:\n"
    "        url: https://api.openai.com/v1\n"
    "        model: gpt-4o-mini\n"
    "        api_key_env: OPENAI_API_KEY";

void Judge::Describe(OptionVisitor& v) {
  const std::string at = std::string(kSection) + name + ".";
  v.Visit(at + "url", url, {.help = "base URL of the OpenAI chat API, such as https://HOST/v1"});
  v.Visit(at + "model", model, {.help = "the model's name at the server"});
  v.Visit(at + "api_key_env", api_key_env,
          {.help = "environment variable that holds the API key; empty = no key is sent"});
  v.Visit(at + "concurrency", concurrency,
          {.help = "requests under way at once", .unit = "requests", .min = 1, .max = 256});
  v.Visit(at + "requests_per_minute", requests_per_minute,
          {.help = "most requests begun in a minute; 0 = no limit", .min = 0, .max = 1e6});
  v.Visit(at + "timeout", timeout,
          {.help = "longest wait for a reply", .unit = "seconds", .min = 0.01, .max = 86400});
  v.Visit(at + "attempts", attempts,
          {.help = "tries of one request before it counts as failed", .min = 1, .max = 100});
  v.Visit(at + "backoff", backoff,
          {.help = "pause after the first failed try; doubles up to a minute, unless the server "
                   "names its own",
           .unit = "seconds",
           .min = 0,
           .max = 60});
  v.Visit(
      at + "temperature", temperature,
      {.help = "0 = greedy; below 0 = not sent, for models that take none", .min = -1, .max = 2});
  v.Visit(at + "max_tokens", max_tokens,
          {.help = "longest reply; 0 = not sent", .unit = "tokens", .min = 0, .max = 1e6});
  v.Visit(at + "max_tokens_key", max_tokens_key,
          {.help = "what the server calls that limit",
           .choices = {"max_tokens", "max_completion_tokens"}});
}

std::vector<Judge> ReadJudges(const fs::path& file) {
  OptionSource source("judges file");
  source.AddFile(file);
  JudgesFile judges;
  for (const std::string& name : JudgeNames(source)) judges.judges.push_back({.name = name});
  if (judges.judges.empty()) NoJudges(file);
  source.Apply(judges);
  for (const Judge& judge : judges.judges) CheckComplete(judge, file);
  return judges.judges;
}

std::string ApiKey(const Judge& judge) {
  if (judge.api_key_env.empty()) return "";
  const char* key = std::getenv(judge.api_key_env.c_str());
  if (key != nullptr && *key != '\0') return key;
  throw InputError({.what = "no API key for the judge " + judge.name,
                    .where = "environment variable " + judge.api_key_env,
                    .expected = "the key",
                    .got = "not set",
                    .hint = "export " + judge.api_key_env +
                            "=..., or leave api_key_env out for a server without keys"});
}

}  // namespace meap
