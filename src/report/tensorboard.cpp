#include "report/tensorboard.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/error.h"

namespace meap {
namespace {

// --- Protocol buffers, as much as an event needs. Field numbers are those of event.proto and
// summary.proto in TensorBoard.
constexpr int kEventWallTime = 1;
constexpr int kEventStep = 2;
constexpr int kEventFileVersion = 3;
constexpr int kEventSummary = 5;
constexpr int kEventSessionLog = 7;
constexpr int kSummaryValue = 1;
constexpr int kValueTag = 1;
constexpr int kValueSimple = 2;
constexpr int kSessionStatus = 1;
constexpr uint64_t kSessionStart = 1;

constexpr int kVarint = 0;
constexpr int kFixed64 = 1;
constexpr int kBytes = 2;
constexpr int kFixed32 = 5;

void PutVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void PutKey(std::string& out, int field, int wire_type) {
  PutVarint(out, static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(wire_type));
}

template <typename T>
void PutRaw(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void PutBytes(std::string& out, int field, std::string_view bytes) {
  PutKey(out, field, kBytes);
  PutVarint(out, bytes.size());
  out.append(bytes);
}

// --- TFRecord: length, its checksum, the bytes, their checksum.
constexpr std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
    table[i] = crc;
  }
  return table;
}

// Rotated and shifted, so that a checksum of data that holds checksums stays a good one.
uint32_t MaskedCrc(std::string_view bytes) {
  const uint32_t crc = Crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

std::string Record(std::string_view bytes) {
  std::string record;
  PutRaw(record, static_cast<uint64_t>(bytes.size()));
  PutRaw(record, MaskedCrc(record));
  record.append(bytes);
  PutRaw(record, MaskedCrc(bytes));
  return record;
}

double Now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// events.out.tfevents.SECONDS.HOST.PID.NUMBER: readers take the files of a folder by name, so that
// a resumed run's comes last.
fs::path NewEventsFile(const fs::path& folder) {
  char host[256] = "localhost";
  if (::gethostname(host, sizeof host) != 0) std::strcpy(host, "localhost");
  host[sizeof host - 1] = '\0';
  auto seconds = static_cast<int64_t>(Now());
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    int64_t taken = 0;
    if (std::sscanf(name.c_str(), "events.out.tfevents.%ld.", &taken) == 1 && taken >= seconds) {
      seconds = taken + 1;
    }
  }
  char name[400];
  std::snprintf(name, sizeof name, "events.out.tfevents.%010lld.%s.%d.0",
                static_cast<long long>(seconds), host, static_cast<int>(::getpid()));
  return folder / name;
}

[[noreturn]] void WriteFailed(const fs::path& path) {
  throw WorkError({.what = "cannot write TensorBoard events",
                   .where = path.string(),
                   .got = std::strerror(errno),
                   .hint = "free some disk space, then go on with --resume"});
}

}  // namespace

uint32_t Crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = MakeCrcTable();
  uint32_t crc = 0xFFFFFFFFu;
  for (const char byte : bytes) {
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFF];
  }
  return ~crc;
}

TensorBoardWriter::TensorBoardWriter(const fs::path& folder, std::optional<int64_t> resume_step) {
  MakeOutputDirectory(folder, "output");
  path_ = NewEventsFile(folder);
  file_ = std::fopen(path_.c_str(), "wbx");
  if (file_ == nullptr) WriteFailed(path_);
  std::string version;
  PutBytes(version, kEventFileVersion, "brain.Event:2");
  const int64_t first = resume_step ? *resume_step + 1 : 0;
  WriteEvent(first, version);
  if (!resume_step) return;
  std::string session;
  PutKey(session, kSessionStatus, kVarint);
  PutVarint(session, kSessionStart);
  std::string event;
  PutBytes(event, kEventSessionLog, session);
  WriteEvent(first, event);
}

TensorBoardWriter::~TensorBoardWriter() {
  if (file_ != nullptr) std::fclose(file_);
}

void TensorBoardWriter::AddScalars(int64_t step,
                                   const std::vector<std::pair<std::string, double>>& values) {
  std::string summary;
  for (const auto& [tag, number] : values) {
    std::string value;
    PutBytes(value, kValueTag, tag);
    PutKey(value, kValueSimple, kFixed32);
    PutRaw(value, static_cast<float>(number));
    PutBytes(summary, kSummaryValue, value);
  }
  std::string event;
  PutBytes(event, kEventSummary, summary);
  WriteEvent(step, event);
}

void TensorBoardWriter::WriteEvent(int64_t step, std::string_view what) {
  std::string event;
  PutKey(event, kEventWallTime, kFixed64);
  PutRaw(event, Now());
  PutKey(event, kEventStep, kVarint);
  PutVarint(event, static_cast<uint64_t>(step));
  event.append(what);
  const std::string record = Record(event);
  if (std::fwrite(record.data(), 1, record.size(), file_) != record.size() ||
      std::fflush(file_) != 0) {
    WriteFailed(path_);
  }
}

}  // namespace meap
