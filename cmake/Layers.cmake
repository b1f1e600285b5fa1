# meap_layer(NAME [TORCH] [SHARED FILE] DEPENDS ...): the library meap_NAME of every source in src/NAME,
# static, or shared as libFILE.so. TORCH adds libtorch with the precompiled header, without which each unit
# would parse ATen anew (7 s and more); kernels (*_kernel.cpp) know no libtorch and go without.
function(meap_layer name)
  cmake_parse_arguments(ARG "TORCH" "SHARED" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "_plugin\\.cpp$")  # libraries of their own, loaded when needed
  if(NOT sources)
    add_library(meap_${name} INTERFACE)
    target_link_libraries(meap_${name} INTERFACE meap_flags ${ARG_DEPENDS})
    return()
  endif()
  if(ARG_SHARED)
    add_library(meap_${name} SHARED ${sources})
    set_target_properties(meap_${name} PROPERTIES OUTPUT_NAME ${ARG_SHARED})
  else()
    add_library(meap_${name} STATIC ${sources})
  endif()
  set(kernels ${sources})
  list(FILTER kernels INCLUDE REGEX "_kernel\\.cpp$")
  if(kernels)
    set_source_files_properties(${kernels} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  endif()
  target_link_libraries(meap_${name} PUBLIC meap_flags ${ARG_DEPENDS})
  if(ARG_TORCH)
    meap_use_torch(meap_${name})
  endif()
endfunction()

function(meap_use_torch target)
  target_link_libraries(${target} PUBLIC meap::torch)
  if(TARGET meap_torch_pch)
    target_precompile_headers(${target} REUSE_FROM meap_torch_pch)
    # Programs are compiled with -fPIE by default; the precompiled header fits -fPIC alone.
    target_compile_options(${target} PRIVATE -fPIC)
    target_link_libraries(${target} PRIVATE meap_flags)
  endif()
endfunction()

# The one precompiled header of all torch units.
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/torch_pch.cpp CONTENT "")  # untouched where it is there
add_library(meap_torch_pch STATIC ${CMAKE_BINARY_DIR}/torch_pch.cpp)
target_link_libraries(meap_torch_pch PUBLIC meap_flags meap::torch meap::fmt)
target_precompile_headers(meap_torch_pch PRIVATE
  <ATen/ATen.h> <torch/csrc/autograd/custom_function.h> <torch/library.h> <string> <vector>)

# Libraries are sorted when linked, options are not. sentencepiece and libtorch both have a global FLAGS_minloglevel, the
# larger one here, and both write to that of the first one loaded: with libtorch's, the next flag in its memory would
# become true, by which it ends the process instead of throwing when memory runs out.
function(meap_sentencepiece_first program)
  target_link_options(${program} PRIVATE ${MEAP_LIBRARY_sentencepiece})
endfunction()

function(meap_app name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/apps/${name}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} meap::jemalloc)
  meap_sentencepiece_first(${name})
endfunction()
