# What `cmake --install` puts where: headers, library, programs, CMake package, pkg-config files, manual, completions.
include(CMakePackageConfigHelpers)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/hookline DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# Two sets, so that who asks for core alone need not have what the installer links.
install(TARGETS hookline-core hookline-plugin EXPORT hookline-core-targets)
install(TARGETS hookline-all EXPORT hookline-targets)
install(TARGETS hookline)
install(TARGETS hookline-probe hookline-worker RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/hookline)
if(HOOKLINE_HAVE_INSTALLER)
    install(TARGETS hookline-sandbox hookline-module RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/hookline)
endif()
if(HOOKLINE_HAVE_JIT)
    install(TARGETS hookline-jit RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/hookline)
endif()

# Both packages find the prefix from where they lie, so that an installed tree may be moved.
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/hookline)
set(hookline_shared ${BUILD_SHARED_LIBS})
set(hookline_static_installer OFF)
if(HOOKLINE_HAVE_INSTALLER AND NOT BUILD_SHARED_LIBS)
    set(hookline_static_installer ON)
endif()
configure_package_config_file(cmake/hookline-config.cmake.in ${PROJECT_BINARY_DIR}/hookline-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/hookline-config-version.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT hookline-core-targets NAMESPACE hookline:: DESTINATION ${package_dir})
install(EXPORT hookline-targets NAMESPACE hookline:: DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/hookline-config.cmake ${PROJECT_BINARY_DIR}/hookline-config-version.cmake
              cmake/hookline-dependencies.cmake DESTINATION ${package_dir})

file(RELATIVE_PATH prefix_from_pc ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" prefix_from_pc ${prefix_from_pc})
# Only a static library makes its users link what it needs itself. What the installer needs is named without the libraries
# behind it, which Requires.private would ask for: they are not on a machine where those of the installer are shared.
set(private_requires "")
set(private_libs "")
set(installer_libs "")
set(installer_private_libs "")
if(NOT BUILD_SHARED_LIBS)
    set(private_requires "Requires.private: liburcu-cds lmdb jansson\n")
    set(exported "-Wl,--export-dynamic-symbol=hl_call_is_late,--export-dynamic-symbol=hl_call_deadline_ns")
    set(private_libs "Libs.private: ${exported} -ldl -pthread\n")
endif()
if(HOOKLINE_HAVE_INSTALLER AND BUILD_SHARED_LIBS)
    set(installer_libs "Libs: -L\${libdir} -Wl,--push-state,--no-as-needed -lhookline -Wl,--pop-state\n")
elseif(HOOKLINE_HAVE_INSTALLER)
    set(installer_libs "Libs: -L\${libdir} -Wl,--undefined=hl__libhookline -lhookline\n")
    set(installer_private_libs "Libs.private: -lcurl -larchive -lcrypto -lcbor\n")
endif()
foreach(module hookline-core hookline)
    configure_file(cmake/${module}.pc.in ${PROJECT_BINARY_DIR}/${module}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${module}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

install(FILES docs/man/hookline.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES tools/completion/hookline.bash RENAME hookline
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES tools/completion/_hookline DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
