# Finds libgccjit, which lives in gcc's own versioned folder: only gcc can be asked where. Sets HOOKLINE_HAVE_JIT, and the
# target hookline-libgccjit for the one program that links it.
set(HOOKLINE_HAVE_JIT OFF)
if(HOOKLINE_JIT STREQUAL "OFF")
    return()
endif()

find_program(HOOKLINE_GCC gcc DOC "The gcc whose libgccjit is used")
mark_as_advanced(HOOKLINE_GCC)
set(library "")
set(header "")
if(HOOKLINE_GCC)
    # -print-file-name echoes a bare name when gcc does not have the file.
    foreach(name libgccjit.so libgccjit.so.0)
        execute_process(COMMAND ${HOOKLINE_GCC} -print-file-name=${name} OUTPUT_VARIABLE found
                        OUTPUT_STRIP_TRAILING_WHITESPACE)
        if(NOT library AND IS_ABSOLUTE "${found}")
            set(library ${found})
        endif()
    endforeach()
    execute_process(COMMAND ${HOOKLINE_GCC} -print-file-name=include OUTPUT_VARIABLE gcc_include
                    OUTPUT_STRIP_TRAILING_WHITESPACE)
    find_path(header_dir libgccjit.h HINTS ${gcc_include} NO_CACHE)
    if(header_dir)
        set(header ${header_dir})
    endif()
endif()

if(library AND header)
    set(HOOKLINE_HAVE_JIT ON)
    add_library(hookline-libgccjit INTERFACE)
    target_link_libraries(hookline-libgccjit INTERFACE ${library})
    # gcc's folder comes last: its own headers belong to gcc, also when clang compiles.
    target_compile_options(hookline-libgccjit INTERFACE "SHELL:-idirafter ${header}")
    message(STATUS "libgccjit: ${library}")
elseif(HOOKLINE_JIT STREQUAL "ON")
    message(FATAL_ERROR "HOOKLINE_JIT=ON, but libgccjit was not found beside ${HOOKLINE_GCC}. "
                        "Install it (Debian: libgccjit-12-dev for gcc 12) or configure with -DHOOKLINE_JIT=OFF.")
else()
    message(STATUS "libgccjit: not found; chains run under the reference engine "
                   "(Debian: install libgccjit-12-dev for gcc 12)")
endif()
