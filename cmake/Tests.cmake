# One test program a layer: tests/LAYER/*_test.cpp.
find_library(MEAP_GTEST gtest)
find_library(MEAP_GMOCK gmock)
find_library(MEAP_RAPIDCHECK rapidcheck)
if(NOT MEAP_GTEST OR NOT MEAP_GMOCK OR NOT MEAP_RAPIDCHECK)
  message(FATAL_ERROR "The tests need GoogleTest and RapidCheck. Install them: apt-get install libgtest-dev "
                      "libgmock-dev librapidcheck-dev (or run make setup); -DMEAP_TESTS=OFF builds without tests")
endif()

set_source_files_properties(${CMAKE_SOURCE_DIR}/tests/main.cpp PROPERTIES
  COMPILE_DEFINITIONS MEAP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")

function(meap_tests layer)
  cmake_parse_arguments(ARG "TORCH" "" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${layer}/*_test.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${layer}_test ${sources} ${CMAKE_SOURCE_DIR}/tests/main.cpp)
  target_include_directories(${layer}_test PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${layer}_test PRIVATE meap_${layer} ${ARG_DEPENDS} ${MEAP_GTEST} ${MEAP_GMOCK}
                        ${MEAP_RAPIDCHECK})
  if(ARG_TORCH)
    meap_use_torch(${layer}_test)
    meap_sentencepiece_first(${layer}_test)
  endif()
  add_test(NAME ${layer} COMMAND ${layer}_test)
endfunction()

meap_tests(core DEPENDS meap::jemalloc)  # which it sees give memory back
meap_tests(config)
meap_tests(text)
meap_tests(data)
meap_tests(chat)
meap_tests(jinja)
meap_tests(objective)
meap_tests(evaltext DEPENDS meap::httplib)  # for its SHA-256
meap_tests(compare)
meap_tests(judge)
meap_tests(nn TORCH)
meap_tests(checkpoint TORCH)
meap_tests(model TORCH)
meap_tests(report)
meap_tests(page)
meap_tests(train TORCH)
meap_tests(infer TORCH DEPENDS meap::jemalloc)  # which it sees give memory back
meap_tests(analysis TORCH)
meap_tests(experiment)
meap_tests(eval TORCH DEPENDS meap::httplib)  # for its SHA-256

# Small programs that the Python tests run.
add_executable(dump_logits ${CMAKE_SOURCE_DIR}/tests/tools/dump_logits.cpp)
target_link_libraries(dump_logits PRIVATE meap_infer)
meap_use_torch(dump_logits)
meap_sentencepiece_first(dump_logits)
add_executable(render_jinja ${CMAKE_SOURCE_DIR}/tests/tools/render_jinja.cpp)
target_link_libraries(render_jinja PRIVATE meap_jinja meap::json)
add_executable(encode_chat ${CMAKE_SOURCE_DIR}/tests/tools/encode_chat.cpp)
target_link_libraries(encode_chat PRIVATE meap_chat meap::json)
