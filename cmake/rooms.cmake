# A room is one folder and one static library. What it links is what it may include.
#
#   berth_room(berth_network DEPENDS berth_async PkgConfig::LIBNL [PRECOMPILED])
#
# takes every .cpp of the folder. PRECOMPILED shares the header of Asio and nlohmann/json.
function(berth_room name)
  cmake_parse_arguments(ROOM "PRECOMPILED" "" "DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ROOM_DEPENDS})
  if(ROOM_PRECOMPILED)
    target_precompile_headers(${name} REUSE_FROM berth_precompiled)
  endif()
endfunction()

# The unit tests of a room: tests/unit/<folder>/*.cpp become one program, unit_<folder>.
function(berth_unit_tests folder)
  string(REPLACE "/" "_" suffix ${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(unit_${suffix} ${sources})
  target_link_libraries(unit_${suffix} PRIVATE ${ARGN} berth_test_main)
  add_test(NAME unit_${suffix} COMMAND unit_${suffix})
  set_tests_properties(unit_${suffix} PROPERTIES LABELS unit)
endfunction()
