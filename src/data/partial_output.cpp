#include "data/partial_output.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "core/console.h"
#include "core/error.h"
#include "core/outputs.h"
#include "core/signals.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void CannotWrite(const fs::path& path, int error) {
  throw WorkError({.what = "cannot write prepared data",
                   .where = path.string(),
                   .got = std::strerror(error),
                   .hint = WriteHint(error) + "; the same command goes on where this one stopped"});
}

std::string GroupLine(const GroupRecord& group) {
  Json json = {{"shards", Json::array()}, {"sources", Json::array()}};
  for (const ShardInfo& shard : group.shards) json["shards"].push_back(ShardToJson(shard));
  for (const SourceInfo& source : group.sources) json["sources"].push_back(SourceToJson(source));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

PartialOutput::PartialOutput(const fs::path& output)
    : output_(output.has_filename() ? output : output.parent_path()),
      folder_(output_.string() + ".partial") {
  Lock();
}

PartialOutput::~PartialOutput() {
  if (lock_ >= 0) ::close(lock_);
}

void PartialOutput::Lock() {
  // The process that holds the lock removes the folder when it is done, so the file that was
  // waited for may be gone: only a lock on the file that stands there now counts.
  constexpr int kTries = 1000;
  const fs::path path = folder_ / "lock";
  bool told = false;
  for (int tries = 1;; ++tries) {
    std::error_code error;
    fs::create_directories(folder_, error);
    lock_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock_ < 0) {
      const int reason = errno;
      // Maybe removed just after it was made.
      if ((error || reason == ENOENT) && tries < kTries) continue;
      MakeOutputDirectory(folder_, "output");
      CannotWrite(path, reason);
    }
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
      if (!told) Note("waiting for another process that prepares " + output_.string());
      told = true;
      while (::flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        SignalGuard::StopIfRequested();
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
    }
    struct stat held {};
    struct stat named {};
    if (::fstat(lock_, &held) == 0 && ::stat(path.c_str(), &named) == 0 &&
        held.st_ino == named.st_ino && held.st_dev == named.st_dev) {
      return;
    }
    ::close(lock_);
  }
}

fs::path PartialOutput::HashFile(size_t group) const {
  return folder_ / ("hashes-" + std::to_string(group));
}

bool PartialOutput::Intact(const GroupRecord& group) const {
  for (const ShardInfo& shard : group.shards) {
    try {
      const MappedFile file(shard_folder() / shard.file);
      const ShardView view(file.bytes(), shard.file);
      if (HexOf(view.header().checksum) != shard.checksum) return false;
      view.Verify();
    } catch (const InputError& error) {
      Warn(std::string("prepared again: ") + error.what());
      return false;
    }
  }
  return true;
}

std::vector<GroupRecord> PartialOutput::Resume(const std::string& content_key) {
  std::vector<GroupRecord> groups;
  std::string kept = Json({{"content_key", content_key}}).dump() + "\n";
  std::set<fs::path> files;
  if (fs::exists(journal())) {
    std::istringstream lines(ReadFile(journal(), "journal"));
    std::string line;
    std::getline(lines, line);
    if (line + "\n" == kept) {
      while (std::getline(lines, line) && !lines.eof()) {  // a torn last line has no '\n'
        const Json json = Json::parse(line, nullptr, false);
        if (json.is_discarded()) break;
        GroupRecord group;
        for (const Json& shard : json.at("shards")) group.shards.push_back(ShardFromJson(shard));
        for (const Json& source : json.at("sources")) {
          group.sources.push_back(SourceFromJson(source));
        }
        if (!Intact(group) || !fs::exists(HashFile(groups.size()))) break;
        files.insert(HashFile(groups.size()));
        for (const ShardInfo& shard : group.shards) files.insert(shard_folder() / shard.file);
        kept += line + "\n";
        groups.push_back(std::move(group));
      }
    }
  }
  WriteFileAtomically(journal(), kept);
  fs::create_directories(shard_folder());
  files.insert({journal(), shard_folder(), folder_ / "lock"});
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
    if (!files.contains(entry.path())) leftovers.push_back(entry.path());
  }
  for (const fs::path& leftover : leftovers) fs::remove_all(leftover);
  groups_ = groups.size();
  return groups;
}

void PartialOutput::Append(const GroupRecord& group, const std::vector<Hash128>& hashes) {
  const auto* bytes = reinterpret_cast<const char*>(hashes.data());
  WriteFileAtomically(HashFile(groups_), {bytes, hashes.size() * sizeof(Hash128)});
  const std::string line = GroupLine(group);
  const int file = ::open(journal().c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  const bool written = file >= 0 && WriteAll(file, line) && ::fsync(file) == 0;
  const int reason = errno;
  if (file >= 0) ::close(file);
  if (!written) CannotWrite(journal(), reason);
  ++groups_;
}

std::vector<Hash128> PartialOutput::Hashes(size_t group) const {
  const std::string bytes = ReadFile(HashFile(group), "document hashes");
  std::vector<Hash128> hashes(bytes.size() / sizeof(Hash128));
  if (!hashes.empty()) std::memcpy(hashes.data(), bytes.data(), hashes.size() * sizeof(Hash128));
  return hashes;
}

void PartialOutput::Publish(const Manifest& manifest) {
  WriteFileAtomically(shard_folder() / kManifestName, ManifestText(manifest));
  const fs::path old = output_.string() + ".old-" + std::to_string(::getpid());
  std::error_code error;
  if (fs::exists(output_)) fs::rename(output_, old, error);
  if (!error) fs::rename(shard_folder(), output_, error);
  if (error) CannotWrite(output_, error.value());
  SyncToDisk(output_.has_parent_path() ? output_.parent_path() : fs::path("."));
  fs::remove_all(old, error);
  Discard();
}

void PartialOutput::Discard() {
  // The lock goes last and the folder only if it is empty then: another process may have made a
  // lock of its own in it.
  std::error_code ignored;
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    if (entry.path().filename() != "lock") entries.push_back(entry.path());
  }
  for (const fs::path& entry : entries) fs::remove_all(entry, ignored);
  fs::remove(folder_ / "lock", ignored);
  fs::remove(folder_, ignored);
}

}  // namespace meap
