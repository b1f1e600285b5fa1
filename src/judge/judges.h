// Which language models judge, and how they are reached.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/options.h"
#include "core/files.h"

namespace meap {

/// A language model behind the OpenAI chat API.
struct Judge {
  std::string name = {};         // in metrics (clean_NAME) and tables
  std::string url = {};          // base URL, without /chat/completions
  std::string model = {};        // as the server calls it
  std::string api_key_env = {};  // environment variable with the key; empty: no key is sent
  int64_t concurrency = 4;
  int64_t requests_per_minute = 0;
  double timeout = 180;
  int64_t attempts = 8;
  double backoff = 1;
  double temperature = 0;
  int64_t max_tokens = 2048;
  std::string max_tokens_key = "max_tokens";

  /// Lists every option but the name, which is the key the options stand under.
  void Describe(OptionVisitor& visitor);
};

/// Reads a judges file: YAML, `judges:` with the options of each judge under its name. Errors: no
/// judge in it, a name that is not letters, digits and dashes, a judge without url or model.
std::vector<Judge> ReadJudges(const fs::path& file);

/// The judge's key from its environment variable, or "" when it needs none. A variable that is not
/// set is an InputError.
std::string ApiKey(const Judge& judge);

/// The shortest judges file that works, for messages and help.
extern const char* const kJudgesExample;

}  // namespace meap
