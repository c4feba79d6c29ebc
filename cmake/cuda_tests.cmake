# The kernels' source compiled for the CPU, which stands in for a device in the tests: no toolkit is needed.
file(GLOB cuda_kernels RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/cpp CONFIGURE_DEPENDS cpp/cuda/*.cu cpp/cuda/net/*.cu)
list(FILTER cuda_kernels EXCLUDE REGEX "/device\\.cu$")
file(GLOB cuda_sources CONFIGURE_DEPENDS cpp/cuda/*.cpp cpp/cuda/net/*.cpp
  cpp/cuda/hosted/*.cpp)
# NVIDIA's libraries have their place taken too.
list(FILTER cuda_sources EXCLUDE REGEX "/cuda/library\\.cpp$")
set(cuda_hosted "")
foreach(kernel IN LISTS cuda_kernels)
  string(REGEX REPLACE "\\.cu$" ".cpp" hosted ${CMAKE_CURRENT_BINARY_DIR}/cuda_hosted/${kernel})
  file(CONFIGURE OUTPUT ${hosted} CONTENT "#include \"${kernel}\"\n" @ONLY)
  list(APPEND cuda_hosted ${hosted})
endforeach()
add_library(saddlescape_cuda_hosted STATIC ${cuda_hosted} ${cuda_sources} cpp/tests/cuda_device.cpp)
target_link_libraries(saddlescape_cuda_hosted PRIVATE saddlescape_flags PUBLIC saddlescape_core)

# The same tests on the device itself, where there is one: else they say so and are left out.
if(SADDLESCAPE_CUDA)
  foreach(name IN ITEMS step faults captured net)
    add_executable(test_device_${name} cpp/tests/test_cuda_${name}.cpp)
    target_compile_definitions(test_device_${name} PRIVATE SADDLESCAPE_TEST_ON_DEVICE)
    target_link_libraries(test_device_${name} PRIVATE saddlescape_cuda saddlescape_flags)
    add_test(NAME test_device_${name} COMMAND test_device_${name})
    set_tests_properties(test_device_${name} PROPERTIES SKIP_RETURN_CODE 77)
  endforeach()
endif()
