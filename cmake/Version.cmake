# What the program says of its own make: its version, torch's and the commit, in one small source file. That file
# changes with the commit and nothing else reads it, so that a commit costs one compilation and one link. The commit
# is that of the last configuration, which `make` always runs; a tarball, which has none, leaves it empty, also
# where it is unpacked inside another repository.
set(MEAP_REVISION "")
if(EXISTS ${CMAKE_SOURCE_DIR}/.git)
  execute_process(COMMAND git describe --always --dirty --abbrev=12 --exclude=* WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    OUTPUT_VARIABLE MEAP_REVISION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
configure_file(${CMAKE_SOURCE_DIR}/cmake/version.cpp.in ${CMAKE_BINARY_DIR}/version.cpp @ONLY)
target_sources(meap PRIVATE ${CMAKE_BINARY_DIR}/version.cpp)
set_source_files_properties(${CMAKE_BINARY_DIR}/version.cpp PROPERTIES
  INCLUDE_DIRECTORIES ${CMAKE_SOURCE_DIR}/apps/meap)
