# The extension module saddlescape._cuda over `cuda_library`, the device's or its stand-in. What looks at arrays
# and keeps an optimizer's states is the source of saddlescape._core.
file(GLOB cuda_bind_sources CONFIGURE_DEPENDS cpp/bind/cuda/*.cpp)
file(GLOB cuda_bind_shared CONFIGURE_DEPENDS cpp/bind/architecture.cpp cpp/bind/array*.cpp cpp/bind/batch*.cpp
  cpp/bind/bind_net_setting.cpp cpp/bind/bursts.cpp cpp/bind/described.cpp cpp/bind/home.cpp cpp/bind/placed.cpp cpp/bind/stepper*.cpp)
if(SADDLESCAPE_CUDA STREQUAL "HOSTED")
  list(APPEND cuda_bind_sources cpp/bind/cuda/hosted/bind_hosted.cpp)
endif()
pybind11_add_module(_cuda MODULE ${cuda_bind_sources} ${cuda_bind_shared})
target_link_libraries(_cuda PRIVATE ${cuda_library} saddlescape_flags)
target_compile_definitions(_cuda PRIVATE SADDLESCAPE_VERSION="${SKBUILD_PROJECT_VERSION}")
if(SADDLESCAPE_CUDA STREQUAL "HOSTED")
  target_compile_definitions(_cuda PRIVATE SADDLESCAPE_CUDA_HOSTED)
endif()
install(TARGETS _cuda DESTINATION saddlescape)
