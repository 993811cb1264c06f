# Finds what the installer (lib/install) needs beside core: libcurl, libarchive and OpenSSL's libcrypto. Sets
# HOOKLINE_HAVE_INSTALLER. Without them hookline::hookline is core alone, and the command's package verbs say so.
set(HOOKLINE_HAVE_INSTALLER OFF)
if(HOOKLINE_INSTALLER STREQUAL "OFF")
    return()
endif()

set(hookline_installer_modules libcurl>=7.68 libarchive>=3.4 libcrypto>=1.1.1)
pkg_check_modules(HOOKLINE_INSTALLER_NEEDS QUIET IMPORTED_TARGET ${hookline_installer_modules})
string(REPLACE ";" ", " wanted "${hookline_installer_modules}")
set(packages "Debian: libcurl4-openssl-dev libarchive-dev libssl-dev")
if(HOOKLINE_INSTALLER_NEEDS_FOUND)
    set(HOOKLINE_HAVE_INSTALLER ON)
elseif(HOOKLINE_INSTALLER STREQUAL "ON")
    message(FATAL_ERROR "HOOKLINE_INSTALLER=ON, but pkg-config does not know all of ${wanted}. "
                        "Install them (${packages}) or configure with -DHOOKLINE_INSTALLER=OFF.")
else()
    message(STATUS "Installer: left out, pkg-config does not know all of ${wanted} (${packages})")
endif()
