# Finds what the installer (lib/install) needs beside core: libcurl, libarchive and OpenSSL's libcrypto. Sets
# HOOKLINE_HAVE_INSTALLER. Without them hookline::hookline is core alone, and the command's package verbs say so.
#
# Not by pkg-config, which a user's static build may call with --static: that would ask for all that curl itself links.
set(HOOKLINE_HAVE_INSTALLER OFF)
if(HOOKLINE_INSTALLER STREQUAL "OFF")
    return()
endif()

find_package(CURL 7.68 QUIET)
find_package(LibArchive 3.4 QUIET)
find_package(OpenSSL 1.1.1 QUIET COMPONENTS Crypto)
set(missing "")
foreach(package CURL LibArchive OpenSSL)
    if(NOT ${package}_FOUND)
        list(APPEND missing ${package})
    endif()
endforeach()
set(packages "Debian: libcurl4-openssl-dev libarchive-dev libssl-dev")
if(NOT missing)
    set(HOOKLINE_HAVE_INSTALLER ON)
elseif(HOOKLINE_INSTALLER STREQUAL "ON")
    message(FATAL_ERROR "HOOKLINE_INSTALLER=ON, but these were not found, or are too old: ${missing}. "
                        "Install them (${packages}) or configure with -DHOOKLINE_INSTALLER=OFF.")
else()
    message(STATUS "Installer: left out for want of ${missing} (${packages})")
endif()
