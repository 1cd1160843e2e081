# How every target of Pitwall is built: standard, warnings, sanitizers, include root.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(pitwall_options INTERFACE)
target_include_directories(pitwall_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(pitwall_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wnon-virtual-dtor>
  # Bits must not depend on what the compiler fuses: kernels ask for FMA by name.
  $<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>)
if(PITWALL_WERROR)
  target_compile_options(pitwall_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror> $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
endif()
if(PITWALL_SANITIZE)
  target_compile_options(pitwall_options INTERFACE -fsanitize=${PITWALL_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(pitwall_options INTERFACE -fsanitize=${PITWALL_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND PITWALL_SANITIZE MATCHES "address")
    # Catches reads past mapped models and out-of-range enums that UBSan of g++ leaves out.
    target_compile_options(pitwall_options INTERFACE -fsanitize-address-use-after-scope)
  endif()
endif()
if(PITWALL_PORTABLE)
  target_link_options(pitwall_options INTERFACE -static-libgcc -static-libstdc++)
endif()
if(PITWALL_FUZZ)
  # Coverage for libFuzzer everywhere; only the fuzz targets themselves link its main.
  target_compile_options(pitwall_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# pitwall_library(NAME SOURCES... ) makes a static library with the project's options.
function(pitwall_library name)
  add_library(${name} STATIC ${ARGN})
  target_link_libraries(${name} PUBLIC pitwall_options fmt::fmt$<$<BOOL:${PITWALL_PORTABLE}>:-header-only>)
  set_property(GLOBAL APPEND PROPERTY PITWALL_LIBRARIES ${name})
  if(CMAKE_CXX_COMPILER_LAUNCHER MATCHES "tidy-compiler")
    set_source_files_properties(${ARGN} PROPERTIES OBJECT_DEPENDS "${CMAKE_SOURCE_DIR}/.clang-tidy;${CMAKE_CXX_COMPILER_LAUNCHER}")
  endif()
endfunction()

# Only the sources that read files of the tree are told where it is: an absolute path on every command line would keep
# two checkouts from sharing a compiler cache.
function(pitwall_define_source_dir)
  foreach(source ${ARGN})
    file(STRINGS ${source} uses REGEX PITWALL_SOURCE_DIR LIMIT_COUNT 1)
    if(uses)
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_DEFINITIONS PITWALL_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    endif()
  endforeach()
endfunction()

# pitwall_test(NAME LIBS... SOURCES... LABELS...) makes one GoogleTest program, found by ctest case by case. What is labelled
# threads is worth ThreadSanitizer's time: the target threaded builds those alone.
function(pitwall_test name)
  cmake_parse_arguments(T "" "" "SOURCES;LIBS;LABELS" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE ${T_LIBS} GTest::gtest GTest::gmock GTest::gtest_main)
  if("threads" IN_LIST T_LABELS)
    set_property(GLOBAL APPEND PROPERTY PITWALL_THREADED ${name})
  endif()
  if(PITWALL_SANITIZE)
    target_compile_definitions(${name} PRIVATE PITWALL_SANITIZED)  # storms are smaller: tests/storm.h
  endif()
  pitwall_define_source_dir(${T_SOURCES})
  # No time-out of its own: scripts/test gives one to all, and knows how long storms blow.
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "${T_LABELS}")
endfunction()

# pitwall_qt_test(NAME LIBS...) makes one QtTest program from tst_NAME.cpp; widgets are drawn offscreen, so no display is
# needed. It has a configuration and recordings of its own.
function(pitwall_qt_test name)
  add_executable(tst_${name} tst_${name}.cpp)
  target_link_libraries(tst_${name} PRIVATE ${ARGN} Qt6::Test)
  add_test(NAME window.${name} COMMAND tst_${name})
  set_tests_properties(window.${name} PROPERTIES LABELS gui ENVIRONMENT
    "QT_QPA_PLATFORM=offscreen;QT_LOGGING_RULES=*.debug=false;XDG_CONFIG_HOME=${CMAKE_CURRENT_BINARY_DIR}/config;XDG_DATA_HOME=${CMAKE_CURRENT_BINARY_DIR}/data")
endfunction()

# pitwall_fuzzer(NAME SOURCES... LIBS...) makes a libFuzzer program when PITWALL_FUZZ is on.
function(pitwall_fuzzer name)
  if(NOT PITWALL_FUZZ)
    return()
  endif()
  cmake_parse_arguments(F "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${F_SOURCES})
  target_link_libraries(${name} PRIVATE ${F_LIBS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_property(GLOBAL APPEND PROPERTY PITWALL_FUZZERS ${name})
endfunction()
