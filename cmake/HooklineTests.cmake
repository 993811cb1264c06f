# Turns a folder of tests/ into programs and ctest entries. Used by tests/CMakeLists.txt only.
#
#   tests/<kind>/<name>.c           a cmocka program, one ctest entry <kind>.<name>
#   tests/<kind>/<name>.cc          the same in C++
#   tests/<kind>/<name>.sh          a bash script, one ctest entry; exit 0 passes, 77 skips, everything else fails
#   tests/<kind>/support/*.c        linked into every test of the kind
#   tests/support/*.c               linked into every test; public headers only
#   tests/<kind>/programs/<name>.c  a helper program, found as HL_TEST_PROGRAMS "/<name>"
#   tests/<kind>/plugins/<name>.c   a plugin library, found as HL_TEST_PLUGINS "/<name>.so"
#   tests/plugins/<name>.c          the same, for several kinds

enable_language(CXX)
set(CMAKE_CXX_STANDARD 17)

set(test_output ${PROJECT_BINARY_DIR}/tests)
set(test_plugins ${test_output}/plugins)
set(test_programs ${test_output}/programs)
file(MAKE_DIRECTORY ${test_plugins} ${test_programs} ${test_output}/work)

# Sanitizers make everything several times slower.
set(timeout_factor 1)
if(HOOKLINE_SANITIZE)
    set(timeout_factor 4)
endif()

set(test_environment
    HOOKLINE_SOURCE=${PROJECT_SOURCE_DIR}
    HOOKLINE_BUILD=${PROJECT_BINARY_DIR}
    HOOKLINE_JIT=${hookline_libexec}/hookline-jit
    HOOKLINE_PROBE=${hookline_libexec}/hookline-probe
    HOOKLINE_WORKER=${hookline_libexec}/hookline-worker
    HOOKLINE_SANDBOX=${hookline_libexec}/hookline-sandbox
    HOOKLINE_MODULE=${hookline_libexec}/hookline-module
    HOOKLINE_INCLUDE=${PROJECT_SOURCE_DIR}/include
    HOOKLINE_TEST_PLUGINS=${test_plugins}
    HOOKLINE_TEST_PROGRAMS=${test_programs}
    HOOKLINE_TEST_CC=${CMAKE_C_COMPILER}
    HOOKLINE_TEST_CXX=${CMAKE_CXX_COMPILER}
    HOOKLINE_TEST_CMAKE=${CMAKE_COMMAND}
    HOOKLINE_TEST_SHARED=$<BOOL:${BUILD_SHARED_LIBS}>
    HOOKLINE_TEST_HAVE_JIT=$<BOOL:${HOOKLINE_HAVE_JIT}>
    HOOKLINE_TEST_HAVE_INSTALLER=$<BOOL:${HOOKLINE_HAVE_INSTALLER}>
    HOOKLINE_TEST_SANITIZE=${HOOKLINE_SANITIZE}
    CMOCKA_MESSAGE_OUTPUT=STDOUT
    ASAN_OPTIONS=detect_stack_use_after_return=1:disable_coredump=1
    UBSAN_OPTIONS=print_stacktrace=1
    LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/lsan.supp:print_suppressions=0
    "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/tsan.supp:halt_on_error=1:second_deadlock_stack=1")

function(hookline_test_compile target)
    hookline_compile(${target})
    # Tests check with assert too: a Release build must not take that away.
    target_compile_options(${target} PRIVATE -UNDEBUG)
    target_compile_definitions(${target} PRIVATE
        HL_TEST_SOURCE="${PROJECT_SOURCE_DIR}/tests" HL_TEST_PLUGINS="${test_plugins}"
        HL_TEST_PROGRAMS="${test_programs}" HL_TEST_HOOKLINE="${PROJECT_BINARY_DIR}/bin/hookline"
        HL_TEST_HAVE_JIT=$<BOOL:${HOOKLINE_HAVE_JIT}>
        HL_TEST_HAVE_INSTALLER=$<BOOL:${HOOKLINE_HAVE_INSTALLER}>)
endfunction()

# Plugin libraries of a folder, each one a .so of the file's name.
function(hookline_test_plugins dir)
    file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.c ${dir}/*.cc)
    foreach(source IN LISTS sources)
        get_filename_component(name ${source} NAME_WE)
        add_library(plugin-${name} MODULE ${source})
        hookline_test_compile(plugin-${name})
        set_target_properties(plugin-${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
                                                        LIBRARY_OUTPUT_DIRECTORY ${test_plugins})
    endforeach()
endfunction()

# A static library of a folder's files, which uses the libraries named behind; sets `out` to its name, or to nothing when
# the folder is empty.
function(hookline_test_support dir name out)
    file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.c)
    set(${out} "" PARENT_SCOPE)
    if(sources)
        add_library(${name} STATIC ${sources})
        hookline_test_compile(${name})
        target_link_libraries(${name} PUBLIC PkgConfig::CMOCKA PkgConfig::HOOKLINE_URCU ${ARGN})
        set(${out} ${name} PARENT_SCOPE)
    endif()
endfunction()

# One ctest entry, with the properties that all have in common.
function(hookline_add_test name kind timeout)
    cmake_parse_arguments(arg "" "" "COMMAND;ENVIRONMENT" ${ARGN})
    add_test(NAME ${name} COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${test_output}/work)
    math(EXPR timeout "${timeout} * ${timeout_factor}")
    set_tests_properties(${name} PROPERTIES LABELS ${kind} TIMEOUT ${timeout} SKIP_RETURN_CODE 77
        FAIL_REGULAR_EXPRESSION "ERROR: (Address|Leak)Sanitizer;WARNING: ThreadSanitizer;runtime error: "
        ENVIRONMENT "${test_environment};${arg_ENVIRONMENT}")
    if(kind STREQUAL "bench") # what measures has the machine to itself
        set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)
    endif()
    if(kind STREQUAL "stress")
        set_tests_properties(${name} PROPERTIES PROCESSORS 2)
    endif()
endfunction()

# The sources of a folder's programs. Those that include headers of the installer or of modules are left out in builds without
# the installer, where these rooms are not built.
function(hookline_test_sources dir out)
    file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.c ${dir}/*.cc)
    set(kept "")
    foreach(source IN LISTS sources)
        file(STRINGS ${source} of_installer REGEX "^#include (\"(install|module)/|<hookline/modules)" LIMIT_COUNT 1)
        if(HOOKLINE_HAVE_INSTALLER OR NOT of_installer)
            list(APPEND kept ${source})
        endif()
    endforeach()
    set(${out} ${kept} PARENT_SCOPE)
endfunction()

function(hookline_test_program kind source library supports)
    get_filename_component(name ${source} NAME_WE)
    set(target test-${kind}-${name})
    add_executable(${target} ${source})
    hookline_test_compile(${target})
    target_link_libraries(${target} PRIVATE ${supports} ${library} PkgConfig::CMOCKA PkgConfig::HOOKLINE_JANSSON
                                            Threads::Threads m ${CMAKE_DL_LIBS})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${test_output}/${kind})
endfunction()

function(hookline_test_room kind timeout visibility)
    cmake_parse_arguments(arg "ENGINES" "" "LIBRARIES" ${ARGN})
    set(dir ${PROJECT_SOURCE_DIR}/tests/${kind})
    if(HOOKLINE_MUTANT AND NOT kind STREQUAL "stress")
        return()
    endif()
    set(library hookline::hookline)
    if(visibility STREQUAL "private")
        set(library hookline-private)
    elseif(visibility STREQUAL "whole")
        set(library hookline-private-all)
    endif()
    hookline_test_plugins(${dir}/plugins)
    hookline_test_support(${dir}/support test-support-${kind} room_support ${arg_LIBRARIES})
    set(supports ${room_support} ${test_support} ${arg_LIBRARIES})

    file(GLOB sources CONFIGURE_DEPENDS ${dir}/programs/*.c)
    foreach(source IN LISTS sources)
        hookline_test_program(${kind} ${source} ${library} "${supports}")
        get_filename_component(name ${source} NAME_WE)
        set_target_properties(test-${kind}-${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${test_programs})
    endforeach()

    set(engines "")
    if(arg_ENGINES)
        set(engines reference)
        if(HOOKLINE_HAVE_JIT)
            list(APPEND engines compiled)
        endif()
    endif()
    set(programs "")
    hookline_test_sources(${dir} sources)
    foreach(source IN LISTS sources)
        hookline_test_program(${kind} ${source} ${library} "${supports}")
        get_filename_component(name ${source} NAME_WE)
        list(APPEND programs $<TARGET_FILE:test-${kind}-${name}>)
        if(HOOKLINE_MUTANT)
            continue()
        endif()
        set(command ${BASH_PROGRAM} ${PROJECT_SOURCE_DIR}/tests/run-cmocka $<TARGET_FILE:test-${kind}-${name}>)
        foreach(engine IN LISTS engines)
            hookline_add_test(${kind}.${name}.${engine} ${kind} ${timeout} COMMAND ${command}
                              ENVIRONMENT HOOKLINE_TEST_ENGINE=${engine})
        endforeach()
        if(NOT engines)
            hookline_add_test(${kind}.${name} ${kind} ${timeout} COMMAND ${command})
        endif()
    endforeach()

    if(HOOKLINE_MUTANT)
        hookline_add_test(mutant_that_reclaims_too_early_is_caught mutant 1000 COMMAND
                          ${BASH_PROGRAM} ${PROJECT_SOURCE_DIR}/tests/stress-catches-mutant ${programs})
        return()
    endif()
    file(GLOB scripts CONFIGURE_DEPENDS ${dir}/*.sh)
    foreach(script IN LISTS scripts)
        get_filename_component(name ${script} NAME_WE)
        hookline_add_test(${kind}.${name} ${kind} ${timeout} COMMAND ${BASH_PROGRAM} ${script})
    endforeach()
endfunction()

hookline_test_plugins(${PROJECT_SOURCE_DIR}/tests/plugins)
hookline_test_support(${PROJECT_SOURCE_DIR}/tests/support test-support test_support)
