#include "nn/gpu.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>

namespace meap {

GpuStream StreamOf(const at::Tensor& x) {
  return c10::impl::getDeviceGuardImpl(x.device().type())->getStream(x.device()).native_handle();
}

}  // namespace meap
