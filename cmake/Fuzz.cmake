# Fuzz targets: tests/fuzz/NAME_fuzz.cpp with libFuzzer, address and undefined-behaviour sanitizers.
# Needs clang: cmake -S . -B build-fuzz -G Ninja -DCMAKE_CXX_COMPILER=clang++-14 -DMEAP_FUZZ=ON, then
# ninja -C build-fuzz NAME_fuzz. Everything is instrumented; targets are built by name only.
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "MEAP_FUZZ needs clang: -DCMAKE_CXX_COMPILER=clang++-14 (apt-get install clang-14)")
endif()

function(meap_fuzz name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  add_executable(${name} EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}.cpp)
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endfunction()

meap_fuzz(tokenizer_json_fuzz DEPENDS meap_text)
meap_fuzz(data_readers_fuzz DEPENDS meap_data)
meap_fuzz(data_shard_fuzz DEPENDS meap_data)
meap_fuzz(jinja_fuzz DEPENDS meap_jinja)
