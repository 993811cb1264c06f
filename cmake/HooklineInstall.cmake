# What `cmake --install` puts where: headers, library, programs, CMake package, pkg-config files, manual, completions.
include(CMakePackageConfigHelpers)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/hookline DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS hookline-core hookline-all hookline-plugin EXPORT hookline-targets)
install(TARGETS hookline)
install(TARGETS hookline-probe RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/hookline)
if(HOOKLINE_HAVE_JIT)
    install(TARGETS hookline-jit RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/hookline)
endif()

# Both packages find the prefix from where they lie, so that an installed tree may be moved.
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/hookline)
set(hookline_shared ${BUILD_SHARED_LIBS})
configure_package_config_file(cmake/hookline-config.cmake.in ${PROJECT_BINARY_DIR}/hookline-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/hookline-config-version.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT hookline-targets NAMESPACE hookline:: DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/hookline-config.cmake ${PROJECT_BINARY_DIR}/hookline-config-version.cmake
              cmake/hookline-dependencies.cmake DESTINATION ${package_dir})

file(RELATIVE_PATH prefix_from_pc ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" prefix_from_pc ${prefix_from_pc})
# Only a static library makes its users link what it needs itself.
if(BUILD_SHARED_LIBS)
    set(private_requires "")
    set(private_libs "")
else()
    set(private_requires "Requires.private: liburcu-cds lmdb jansson\n")
    set(private_libs "Libs.private: -ldl -pthread\n")
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
