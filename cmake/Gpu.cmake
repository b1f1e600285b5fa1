# GPU kernels: src/nn/*_kernel.cu, compiled by nvcc wherever it is. They become part of the operators' library
# when torch is a CUDA build; with a CPU build they are only compiled, by `ninja gpu_kernels` and `make check`.
set(MEAP_GPU AUTO CACHE STRING "GPU kernels in the operators' library: AUTO (with nvcc and a CUDA torch), ON or OFF")
set_property(CACHE MEAP_GPU PROPERTY STRINGS AUTO ON OFF)
set(MEAP_GPU_ARCHITECTURE sm_90 CACHE STRING "GPU to build kernels for, as nvcc's -arch names it")
find_program(MEAP_NVCC nvcc PATHS /usr/local/cuda/bin)
if(MEAP_GPU STREQUAL "ON" AND NOT MEAP_NVCC)
  message(FATAL_ERROR "MEAP_GPU=ON needs nvcc: install the CUDA toolkit, or name it with -DMEAP_NVCC=…/bin/nvcc")
endif()
if(MEAP_GPU STREQUAL "OFF" OR NOT MEAP_NVCC)
  message(STATUS "No GPU kernels (MEAP_GPU=${MEAP_GPU}, nvcc: ${MEAP_NVCC})")
  return()
endif()

# By nvcc itself and not as a CMake language, which would try out a compiler in every configuration.
file(GLOB kernels CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/nn/*_kernel.cu)
set(objects)
foreach(kernel ${kernels})
  get_filename_component(name ${kernel} NAME_WE)
  set(object ${CMAKE_BINARY_DIR}/gpu/${name}.o)
  add_custom_command(OUTPUT ${object} DEPFILE ${object}.d DEPENDS ${kernel} VERBATIM
    COMMENT "Building GPU kernel ${name}"
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/gpu
    COMMAND ${MEAP_NVCC} -std=c++20 -O3 -arch=${MEAP_GPU_ARCHITECTURE} -Xcompiler=-fPIC -Werror=all-warnings
            -I${CMAKE_SOURCE_DIR}/src -MD -MF ${object}.d -c ${kernel} -o ${object})
  list(APPEND objects ${object})
endforeach()
add_custom_target(gpu_kernels DEPENDS ${objects})

if(MEAP_GPU STREQUAL "ON" OR EXISTS ${MEAP_TORCH}/lib/libtorch_cuda.so)
  file(REAL_PATH ${MEAP_NVCC} nvcc)
  get_filename_component(toolkit ${nvcc} DIRECTORY)
  find_library(MEAP_CUDART cudart PATHS ${toolkit}/../lib64 /usr/local/cuda/lib64 REQUIRED)
  message(STATUS "GPU kernels for ${MEAP_GPU_ARCHITECTURE} in the operators' library")
  target_sources(meap_nn PRIVATE ${objects})
  target_link_libraries(meap_nn PUBLIC ${MEAP_CUDART})
  target_compile_definitions(meap_nn PUBLIC MEAP_HAS_GPU_KERNELS)
endif()
