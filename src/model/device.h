// Where a model computes and in what dtype, from the words users write.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string>

namespace meap {

/// "auto" (a GPU if there is one), "cpu", "cuda", "cuda:N". Anything else, or a GPU that is not
/// there, is an InputError naming `key`.
at::Device ParseDevice(const std::string& name, const std::string& key);

/// "f32", "bf16", "f16"; "auto" or "" is f32 on the CPU and bf16 on a GPU. Else an InputError
/// naming `key`.
at::ScalarType ParseDtype(const std::string& name, at::Device device, const std::string& key);

/// "f32", "bf16", "f16".
std::string DtypeName(at::ScalarType dtype);

/// What its maker calls a GPU ("NVIDIA H100 80GB HBM3"); empty where its driver does not say.
std::string GpuName(at::Device device);

/// Number of threads libtorch computes with.
void SetComputeThreads(int threads);

/// Asks the system to back a CPU tensor's memory, not yet written, with huge pages: weights stream
/// from memory in every step of decoding, and with small pages that costs a quarter more time. A
/// wish only; nothing happens elsewhere.
void PreferHugePages(const at::Tensor& tensor);

}  // namespace meap
