#include "train/host.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/headeronly/version.h>

#include <fstream>

#include "model/device.h"
#include "nn/cpu.h"

namespace meap {
namespace {

/// The text behind the first line of a file that begins with `key`; empty where there is none.
std::string ValueOf(const char* file, const std::string& key) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key)) continue;
    const size_t value = line.find_first_not_of(" \t", line.find(':') + 1);
    return value == std::string::npos ? "" : line.substr(value);
  }
  return "";
}

}  // namespace

nlohmann::ordered_json DescribeHost(at::Device device) {
  return {{"threads", at::get_num_threads()},
          {"kernels", CpuLevelName(GetCpuLevel())},
          {"processor", device.is_cpu() ? ValueOf("/proc/cpuinfo", "model name") : GpuName(device)},
          {"torch", TORCH_VERSION}};
}

std::vector<std::string> HostChanges(const nlohmann::json& before,
                                     const nlohmann::ordered_json& now) {
  const auto text = [](const auto& value) {
    return value.is_string() ? value.template get<std::string>() : value.dump();
  };
  std::vector<std::string> lines;
  for (const auto& [name, value] : now.items()) {
    if (!before.contains(name) || text(before[name]) == text(value)) continue;
    lines.push_back(fmt::format("{}: {} before, {} now", name, text(before[name]), text(value)));
  }
  return lines;
}

}  // namespace meap
