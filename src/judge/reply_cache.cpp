#include "judge/reply_cache.h"

#include "core/error.h"

namespace meap {

using Json = nlohmann::ordered_json;

ReplyCache::ReplyCache(const fs::path& path)
    : log_(path, [&](std::string_view line) { Read(line, path); }) {}

void ReplyCache::Read(std::string_view line, const fs::path& path) {
  ++lines_;
  const Json object = Json::parse(line, nullptr, false);
  const auto text = [&](const char* name) {
    const bool found = object.is_object() && object.contains(name) && object.at(name).is_string();
    if (found) return object.at(name).get<std::string>();
    throw InputError({.what = "not a cache of judges' replies",
                      .where = path.string() + ":" + std::to_string(lines_),
                      .expected = "a JSON object with the texts \"key\" and \"reply\"",
                      .hint = "name another file with --cache, or remove this one"});
  };
  const std::string key = text("key");
  replies_.emplace(key, text("reply"));
}

std::optional<std::string> ReplyCache::Find(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = replies_.find(key);
  if (found == replies_.end()) return std::nullopt;
  return found->second;
}

void ReplyCache::Store(const std::string& key, const std::string& reply, const Json& about) {
  const std::lock_guard lock(mutex_);
  if (replies_.contains(key)) return;
  Json line = {{"key", key}, {"reply", reply}};
  line.update(about);
  log_.Append(line.dump(-1, ' ', true, Json::error_handler_t::replace));
  replies_.emplace(key, reply);
}

}  // namespace meap
