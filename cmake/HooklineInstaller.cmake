# Finds what libhookline (lib/install, lib/module) needs beside core: libcurl, libarchive, OpenSSL's libcrypto and libcbor.
# Sets HOOKLINE_HAVE_INSTALLER. Without them hookline::hookline is core alone, and the command's verbs for packages and modules
# say so.
#
# Not by pkg-config, which a user's static build may call with --static: that would ask for all that curl itself links.
# libcbor is the exception, which has no other description everywhere, and links nothing.
set(HOOKLINE_HAVE_INSTALLER OFF)
if(HOOKLINE_INSTALLER STREQUAL "OFF")
    return()
endif()

find_package(CURL 7.68 QUIET)
find_package(LibArchive 3.4 QUIET)
find_package(OpenSSL 1.1.1 QUIET COMPONENTS Crypto)
pkg_check_modules(HOOKLINE_CBOR QUIET IMPORTED_TARGET libcbor>=0.8)
set(missing "")
foreach(package CURL LibArchive OpenSSL HOOKLINE_CBOR)
    if(NOT ${package}_FOUND)
        string(REPLACE HOOKLINE_CBOR libcbor package ${package})
        list(APPEND missing ${package})
    endif()
endforeach()
set(packages "Debian: libcurl4-openssl-dev libarchive-dev libssl-dev libcbor-dev")
if(NOT missing)
    set(HOOKLINE_HAVE_INSTALLER ON)
elseif(HOOKLINE_INSTALLER STREQUAL "ON")
    message(FATAL_ERROR "HOOKLINE_INSTALLER=ON, but these were not found, or are too old: ${missing}. "
                        "Install them (${packages}) or configure with -DHOOKLINE_INSTALLER=OFF.")
else()
    message(STATUS "Installer: left out for want of ${missing} (${packages})")
endif()
