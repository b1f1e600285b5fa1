// What the GPU kernels share: elements as f32, vectors of 16 bytes, sums over a block.
#pragma once

#include <cuda_bf16.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "nn/element.h"

namespace meap::gpu {

__device__ inline float ToFloat(float x) { return x; }
__device__ inline float ToFloat(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ inline void FromFloat(float x, float& to) { to = x; }
__device__ inline void FromFloat(float x, __nv_bfloat16& to) { to = __float2bfloat16_rn(x); }

/// kCount neighbours, read and written with one instruction.
template <class T, int kCount>
struct alignas(sizeof(T) * kCount) Vector {
  T values[kCount];
};

template <class T, int kCount>
__device__ inline void Load(const T* from, float (&to)[kCount]) {
  const auto vector = *reinterpret_cast<const Vector<T, kCount>*>(from);
#pragma unroll
  for (int i = 0; i < kCount; ++i) to[i] = ToFloat(vector.values[i]);
}

template <class T, int kCount>
__device__ inline void Store(const float (&from)[kCount], T* to) {
  Vector<T, kCount> vector;
#pragma unroll
  for (int i = 0; i < kCount; ++i) FromFloat(from[i], vector.values[i]);
  *reinterpret_cast<Vector<T, kCount>*>(to) = vector;
}

/// Sum (or maximum) over a block of up to 1024 threads, the same bits every time, for all threads.
template <class T, class Combine>
__device__ inline T BlockReduce(T value, T identity, Combine combine) {
  __shared__ T warps[32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int offset = 16; offset > 0; offset /= 2) {
    value = combine(value, __shfl_xor_sync(~0u, value, offset));
  }
  __syncthreads();  // the last call's numbers have been read
  if (lane == 0) warps[warp] = value;
  __syncthreads();
  const int count = (blockDim.x + 31) / 32;
  value = lane < count ? warps[lane] : identity;
  for (int offset = 16; offset > 0; offset /= 2) {
    value = combine(value, __shfl_xor_sync(~0u, value, offset));
  }
  return value;
}

template <class T>
__device__ inline T BlockSum(T value) {
  return BlockReduce(value, T(0), [](T a, T b) { return a + b; });
}

/// Throws when the launch before it failed.
inline void CheckLaunch(const char* kernel) {
  const cudaError_t error = cudaGetLastError();
  if (error == cudaSuccess) return;
  throw std::runtime_error(std::string("GPU kernel ") + kernel + ": " + cudaGetErrorString(error));
}

/// Whether rows of `width` elements at these addresses can be read in vectors of 16 bytes.
template <class T, class... Pointers>
bool FitsVectors(int64_t width, Pointers... pointers) {
  const auto aligned = [](const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; };
  return width % static_cast<int64_t>(16 / sizeof(T)) == 0 && (aligned(pointers) && ...);
}

/// Calls `launch` with a null pointer of the element type.
template <class Launch>
void ForElement(Element element, const Launch& launch) {
  if (element == Element::kF32) {
    launch(static_cast<float*>(nullptr));
  } else {
    launch(static_cast<__nv_bfloat16*>(nullptr));
  }
}

/// Blocks for `items` pieces of work with `threads` each, at most `most`: kernels loop over the
/// rest.
inline unsigned BlocksFor(int64_t items, int threads, int64_t most = 1 << 16) {
  const int64_t blocks = (items + threads - 1) / threads;
  return static_cast<unsigned>(blocks < 1 ? 1 : blocks < most ? blocks : most);
}

}  // namespace meap::gpu
