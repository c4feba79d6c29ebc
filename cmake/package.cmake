# The C library, and what `cmake --install` copies: headers, both libraries, and the files that
# find_package(saddlescape) reads. Not part of the Python wheel.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The C interface alone, for C, for ctypes and its like: nothing but saddlescape_* can be seen.
add_library(saddlescape_c SHARED $<TARGET_OBJECTS:saddlescape_capi_objects>)
add_library(saddlescape::c ALIAS saddlescape_c)
set(exports ${CMAKE_CURRENT_SOURCE_DIR}/cpp/capi/exports.map)
set_target_properties(saddlescape_c PROPERTIES
  EXPORT_NAME c OUTPUT_NAME saddlescape VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} LINK_DEPENDS ${exports} LINKER_LANGUAGE CXX)
target_include_directories(saddlescape_c INTERFACE $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/cpp>)
target_link_libraries(saddlescape_c PRIVATE saddlescape_core)
target_link_options(saddlescape_c PRIVATE -Wl,--version-script=${exports} -Wl,--as-needed
  -Wl,-z,nodelete)  # its threads outlive a dlclose

# What blas::load wants: our own copy of OpenBLAS, wherever the package has been moved to.
set(openblas_home ${CMAKE_INSTALL_LIBDIR}/saddlescape)
if(openblas_library)
  set(blas_installed $<INSTALL_PREFIX>/${openblas_home}/libscipy_openblas.so)
endif()
target_compile_definitions(saddlescape_core INTERFACE
  SADDLESCAPE_BLAS_LIBRARY="$<BUILD_INTERFACE:${openblas_library}>$<INSTALL_INTERFACE:${blas_installed}>")

if(NOT SADDLESCAPE_INSTALL)
  return()
endif()

set(headers_folder ${CMAKE_INSTALL_INCLUDEDIR}/saddlescape)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/saddlescape)

# What a header may include is what is installed; the rest is nobody's business.
foreach(header IN ITEMS
    capi/saddlescape.h core/blas.hpp core/host_device.hpp core/isa.hpp core/parallel.hpp
    eig/lanczos.hpp eig/operator.hpp net/activation.hpp net/activations.hpp net/loss.hpp net/mlp.hpp
    net/mode.hpp
    update/options.hpp update/squares.hpp update/step.hpp update/storage.hpp)
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES cpp/${header} DESTINATION ${headers_folder}/${folder} COMPONENT saddlescape_development)
endforeach()
install(TARGETS saddlescape_core EXPORT saddlescapeTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT saddlescape_development
  INCLUDES DESTINATION ${headers_folder})
install(TARGETS saddlescape_c EXPORT saddlescapeCTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT saddlescape_runtime
  NAMELINK_COMPONENT saddlescape_development
  INCLUDES DESTINATION ${headers_folder})
foreach(set IN ITEMS saddlescapeTargets saddlescapeCTargets)
  install(EXPORT ${set} NAMESPACE saddlescape:: DESTINATION ${package_folder} COMPONENT saddlescape_development)
endforeach()

if(openblas_library)
  install(FILES ${openblas_library} DESTINATION ${openblas_home} COMPONENT saddlescape_runtime)
  install(FILES ${openblas_licence} DESTINATION ${openblas_home} RENAME LICENSE-openblas.txt
    COMPONENT saddlescape_runtime)
endif()

configure_package_config_file(cmake/saddlescapeConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/saddlescapeConfig.cmake
  INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/saddlescapeConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/saddlescapeConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/saddlescapeConfigVersion.cmake
  DESTINATION ${package_folder} COMPONENT saddlescape_development)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/saddlescape COMPONENT saddlescape_runtime)
