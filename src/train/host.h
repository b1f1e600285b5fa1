// What the last bits of a run depend on beside its recipe and its inputs.
#pragma once

#include <c10/core/Device.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace meap {

/// Where a run computes: {"threads": 2, "kernels": "avx512", "processor": "...", "torch": "..."}.
nlohmann::ordered_json DescribeHost(at::Device device);

/// One line for each thing that `before` names and `now` has otherwise: "threads: 1 before, 2 now".
std::vector<std::string> HostChanges(const nlohmann::json& before,
                                     const nlohmann::ordered_json& now);

}  // namespace meap
