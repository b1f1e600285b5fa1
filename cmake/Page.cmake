# What `meap report` puts into every page is part of the program: src/page/page.{css,js} and, where the virtual
# environment has the PyPI package plotly, its plotly.min.js.
set(MEAP_PLOTLY "" CACHE FILEPATH "plotly.min.js to build in")
if(NOT MEAP_PLOTLY)
  execute_process(
    COMMAND ${CMAKE_SOURCE_DIR}/.venv/bin/python -c
      "import importlib.util as u, os; print(os.path.join(os.path.dirname(u.find_spec('plotly').origin), 'package_data', 'plotly.min.js'))"
    OUTPUT_VARIABLE MEAP_PLOTLY_FOUND OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(EXISTS "${MEAP_PLOTLY_FOUND}")
    set(MEAP_PLOTLY ${MEAP_PLOTLY_FOUND} CACHE FILEPATH "plotly.min.js to build in" FORCE)
  endif()
endif()
set(MEAP_PAGE_ASSETS ${CMAKE_SOURCE_DIR}/src/page/page.css ${CMAKE_SOURCE_DIR}/src/page/page.js)
set(MEAP_PAGE_DEFINITIONS MEAP_PAGE_FOLDER="${CMAKE_SOURCE_DIR}/src/page")
if(MEAP_PLOTLY)
  list(APPEND MEAP_PAGE_ASSETS ${MEAP_PLOTLY})
  list(APPEND MEAP_PAGE_DEFINITIONS MEAP_PLOTLY="${MEAP_PLOTLY}")
else()
  message(STATUS "no plotly.min.js (pip install plotly): `meap report` will need --plotly FILE")
endif()
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/page/assets.cpp PROPERTIES
  OBJECT_DEPENDS "${MEAP_PAGE_ASSETS}" COMPILE_DEFINITIONS "${MEAP_PAGE_DEFINITIONS}")
