#include "nn/gpu.h"

#include <ATen/ATen.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

namespace meap {

GpuStream StreamOf(const at::Tensor& x) {
  return c10::impl::getDeviceGuardImpl(x.device().type())->getStream(x.device()).native_handle();
}

at::Tensor SendTo(const at::Tensor& x, at::Device device) {
  if (x.device() == device) return x;
  return x.pin_memory().to(device, /*non_blocking=*/true);
}

}  // namespace meap
