#include "eval/request_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/console.h"
#include "core/error.h"

namespace meap {

RequestCache::RequestCache(fs::path file) : file_(std::move(file)) {
  if (fs::exists(file_)) Read();
  descriptor_ = ::open(file_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    throw WorkError({.what = "cannot write the cache of finished requests",
                     .where = file_.string(),
                     .got = std::strerror(errno),
                     .hint = "name another place with --cache, or --cache none"});
  }
}

RequestCache::~RequestCache() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void RequestCache::Read() {
  const std::string text = ReadFile(file_, "cache of finished requests");
  const size_t whole = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
  if (whole < text.size()) fs::resize_file(file_, whole);
  size_t foreign = 0;
  for (size_t begin = 0; begin < whole;) {
    const size_t end = text.find('\n', begin);
    const auto line = nlohmann::ordered_json::parse(
        text.begin() + static_cast<std::ptrdiff_t>(begin),
        text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    begin = end + 1;
    const auto response = line.is_object() ? ResponseFromJson(line) : std::nullopt;
    if (response && line.contains("key") && line["key"].is_string()) {
      responses_[line["key"].get<std::string>()] = *response;
    } else {
      ++foreign;
    }
  }
  if (foreign > 0) {
    Warn(file_.string() + ": passed over " + std::to_string(foreign) +
         " lines that are no finished requests");
  }
}

const Response* RequestCache::Find(const std::string& key) const {
  const auto found = responses_.find(key);
  return found == responses_.end() ? nullptr : &found->second;
}

void RequestCache::Append(std::span<const std::pair<std::string, Response>> entries) {
  std::string text;
  for (const auto& [key, response] : entries) {
    nlohmann::ordered_json line = {{"key", key}};
    line.update(ResponseToJson(response));
    text += line.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    responses_[key] = response;
  }
  if (!WriteAll(descriptor_, text)) {
    throw WorkError({.what = "cannot write the cache of finished requests",
                     .where = file_.string(),
                     .got = std::strerror(errno)});
  }
}

}  // namespace meap
