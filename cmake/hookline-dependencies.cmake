# The libraries that libhookline-core needs. Used by the build, and installed for find_package(hookline): a static
# library's users link all of them, a shared library's only liburcu, which the inline hl_call uses.
find_package(PkgConfig QUIET REQUIRED)
find_package(Threads QUIET REQUIRED)

if(NOT TARGET PkgConfig::HOOKLINE_URCU)
    pkg_check_modules(HOOKLINE_URCU REQUIRED QUIET IMPORTED_TARGET liburcu-bp)
endif()
if(NOT hookline_shared)
    if(NOT TARGET PkgConfig::HOOKLINE_URCU_CDS)
        pkg_check_modules(HOOKLINE_URCU_CDS REQUIRED QUIET IMPORTED_TARGET liburcu-cds)
    endif()
    if(NOT TARGET PkgConfig::HOOKLINE_LMDB)
        pkg_check_modules(HOOKLINE_LMDB REQUIRED QUIET IMPORTED_TARGET lmdb)
    endif()
    if(NOT TARGET PkgConfig::HOOKLINE_JANSSON)
        pkg_check_modules(HOOKLINE_JANSSON REQUIRED QUIET IMPORTED_TARGET jansson)
    endif()
endif()
