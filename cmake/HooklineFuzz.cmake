# What fuzz targets need beside their programs. Used by tests/CMakeLists.txt only.
#
#   seeds      small real libraries for tests/fuzz/elf.c and module_entry.c, made here instead of kept: they are of the machine
#              that reads them
#   fuzzers    with -DHOOKLINE_SANITIZE=fuzzer-no-link,... and clang: each tests/fuzz/<name>.c as the libFuzzer program
#              <build>/fuzz/<name>; scripts/fuzz builds and runs them

set(fuzz_archive hookline-private)
if(HOOKLINE_HAVE_INSTALLER)
    set(fuzz_archive hookline-private-all)
endif()

set(seed_folder ${test_plugins}/seeds)
set(seed_flags -std=gnu11 -I${PROJECT_SOURCE_DIR}/include -Os -fPIC -shared -nostdlib -fno-asynchronous-unwind-tables
    -Wl,--build-id=none,-z,noseparate-code,-z,max-page-size=4096)

# hookline_fuzz_seed(target name source flag...)
function(hookline_fuzz_seed target name source)
    set(seed ${seed_folder}/${target}/${name}.so)
    file(MAKE_DIRECTORY ${seed_folder}/${target})
    add_custom_command(OUTPUT ${seed} VERBATIM
        COMMAND ${CMAKE_C_COMPILER} ${seed_flags} ${ARGN} -o ${seed} ${PROJECT_SOURCE_DIR}/${source}
        DEPENDS ${PROJECT_SOURCE_DIR}/${source})
    set_property(GLOBAL APPEND PROPERTY hookline_fuzz_seeds ${seed})
endfunction()

hookline_fuzz_seed(elf stripped tests/library/plugins/fuzz_seed.c -s)
hookline_fuzz_seed(elf unstripped tests/library/plugins/fuzz_seed.c -g0)
hookline_fuzz_seed(elf sysv-hash tests/library/plugins/fuzz_seed.c -s -Wl,--hash-style=sysv)
hookline_fuzz_seed(elf gnu-hash tests/library/plugins/fuzz_seed.c -s -Wl,--hash-style=gnu)
hookline_fuzz_seed(elf nodelete tests/library/plugins/fuzz_seed.c -s -Wl,-z,nodelete)
hookline_fuzz_seed(elf needs-another tests/library/plugins/fuzz_seed.c -s -Wl,-rpath,$ORIGIN -Wl,--no-as-needed -lc)
hookline_fuzz_seed(module_entry stripped examples/modules/math.c -s)
hookline_fuzz_seed(module_entry hooks examples/modules/string.c -s)
hookline_fuzz_seed(module_entry sysv-hash examples/modules/math.c -s -Wl,--hash-style=sysv)
get_property(fuzz_seeds GLOBAL PROPERTY hookline_fuzz_seeds)
add_custom_target(fuzz-seeds ALL DEPENDS ${fuzz_seeds})
foreach(target test-fuzz-elf test-fuzz-module_entry)
    if(TARGET ${target})
        add_dependencies(${target} fuzz-seeds)
    endif()
endforeach()

if(HOOKLINE_SANITIZE MATCHES "fuzzer-no-link")
    add_custom_target(fuzzers DEPENDS fuzz-seeds)
    hookline_test_sources(${PROJECT_SOURCE_DIR}/tests/fuzz fuzz_sources)
    foreach(source IN LISTS fuzz_sources)
        get_filename_component(name ${source} NAME_WE)
        add_executable(fuzzer-${name} ${source} ${PROJECT_SOURCE_DIR}/tests/fuzz/support/require.c)
        hookline_test_compile(fuzzer-${name})
        target_compile_definitions(fuzzer-${name} PRIVATE HL_TEST_LIBFUZZER)
        target_link_options(fuzzer-${name} PRIVATE -fsanitize=fuzzer)
        target_link_libraries(fuzzer-${name} PRIVATE ${fuzz_archive} PkgConfig::CMOCKA PkgConfig::HOOKLINE_JANSSON
                                                     Threads::Threads m ${CMAKE_DL_LIBS})
        set_target_properties(fuzzer-${name} PROPERTIES OUTPUT_NAME ${name}
                                                        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
        add_dependencies(fuzzers fuzzer-${name})
    endforeach()
endif()
