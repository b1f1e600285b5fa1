# Programs that measure: bench/NAME_bench.cpp. Not built by default: ninja NAME_bench.
function(meap_bench name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  add_executable(${name} EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/bench/${name}.cpp)
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} meap::jemalloc)
endfunction()

meap_bench(tokenizer_bench DEPENDS meap_text)
