# Parquet is read by libmeap_parquet.so, which is built where a Python environment has pyarrow (its wheel
# carries Arrow's headers and libraries) and loaded only when a Parquet file is opened.
set(MEAP_ARROW "" CACHE PATH "The pyarrow package's folder (…/site-packages/pyarrow); empty: look in .venv")
if(NOT MEAP_ARROW)
  execute_process(
    COMMAND ${CMAKE_SOURCE_DIR}/.venv/bin/python -c
            "import importlib.util as u; print(u.find_spec('pyarrow').submodule_search_locations[0])"
    OUTPUT_VARIABLE MEAP_ARROW OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
file(GLOB MEAP_ARROW_LIBRARIES ${MEAP_ARROW}/libparquet.so.* ${MEAP_ARROW}/libarrow.so.*)
if(MEAP_ARROW AND MEAP_ARROW_LIBRARIES AND EXISTS ${MEAP_ARROW}/include/parquet/file_reader.h)
  message(STATUS "Parquet through Arrow at ${MEAP_ARROW}")
  file(GLOB plugin CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/data/*_plugin.cpp)
  add_library(meap_parquet MODULE ${plugin})
  target_link_libraries(meap_parquet PRIVATE meap_flags meap::json ${MEAP_ARROW_LIBRARIES})
  target_include_directories(meap_parquet SYSTEM PRIVATE ${MEAP_ARROW}/include)
  target_link_options(meap_parquet PRIVATE -Wl,-rpath,${MEAP_ARROW} -Wl,--allow-shlib-undefined)
  set_target_properties(meap_parquet PROPERTIES CXX_VISIBILITY_PRESET hidden)
  add_dependencies(meap_data meap_parquet)
else()
  message(STATUS "No pyarrow in .venv: built without Parquet (pip install pyarrow, then cmake again)")
endif()
