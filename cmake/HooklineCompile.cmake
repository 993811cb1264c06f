# How our own code is compiled. Included once by the top file; hookline_compile(target) is called for every target.
include(GNUInstallDirs)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release or RelWithDebInfo" FORCE)
endif()
# Chains are looked at with perf and gdb in production: debug information costs only disk.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g -DNDEBUG")

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

set(hookline_sanitize_flags "")
if(HOOKLINE_SANITIZE)
    set(hookline_sanitize_flags -fsanitize=${HOOKLINE_SANITIZE} -fno-omit-frame-pointer)
    if(HOOKLINE_SANITIZE MATCHES "undefined")
        # liburcu-bp places its reader records at 8 bytes and declares them aligned to more; its read side is inlined.
        list(APPEND hookline_sanitize_flags -fno-sanitize-recover=undefined -fno-sanitize=alignment)
    endif()
    add_compile_options(${hookline_sanitize_flags})
    add_link_options(${hookline_sanitize_flags})
endif()

# Warnings and include roots of our own targets: include/ for everybody, lib/ and the top folder for private headers.
function(hookline_compile target)
    cmake_parse_arguments(arg "PUBLIC_HEADERS_ONLY" "" "" ${ARGN})
    target_compile_options(${target} PRIVATE -Wall -Wextra -Werror=unused-result $<$<BOOL:${HOOKLINE_WERROR}>:-Werror>)
    target_compile_definitions(${target} PRIVATE $<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE=>)
    if(arg_PUBLIC_HEADERS_ONLY)
        target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/include)
    else()
        target_include_directories(${target} PRIVATE
                                   ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/lib ${PROJECT_SOURCE_DIR})
    endif()
endfunction()
