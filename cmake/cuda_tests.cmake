# cpp/tests/test_cuda_*.cpp run on the CPU that stands in for a device. Some run on the device itself as well, where
# there is one: else they say so and are left out.
if(TARGET saddlescape_cuda)
  foreach(name IN ITEMS step faults captured net)
    add_executable(test_device_${name} cpp/tests/test_cuda_${name}.cpp)
    target_compile_definitions(test_device_${name} PRIVATE SADDLESCAPE_TEST_ON_DEVICE)
    target_link_libraries(test_device_${name} PRIVATE saddlescape_cuda saddlescape_flags)
    add_test(NAME test_device_${name} COMMAND test_device_${name})
    set_tests_properties(test_device_${name} PROPERTIES SKIP_RETURN_CODE 77)
  endforeach()
endif()
