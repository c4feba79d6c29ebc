# cpp/tests/test_cuda_*.cpp run on the CPU that stands in for a device. Some run on the device itself as well, where
# there is one: else they say so and are left out.
if(TARGET saddlescape_cuda)
  foreach(name IN ITEMS step faults captured net layered)
    add_executable(test_device_${name} cpp/tests/test_cuda_${name}.cpp)
    target_compile_definitions(test_device_${name} PRIVATE SADDLESCAPE_TEST_ON_DEVICE)
    target_link_libraries(test_device_${name} PRIVATE saddlescape_cuda saddlescape_flags)
    add_test(NAME test_device_${name} COMMAND test_device_${name})
    set_tests_properties(test_device_${name} PROPERTIES SKIP_RETURN_CODE 77)
  endforeach()
endif()

# Once more with work that is late and with threads that run one by one to each barrier (cpp/cuda/hosted/order.hpp):
# what only a device shows otherwise. Tests whose own numbers are the host's can't be late; with the last thread first
# those run that launch less.
if(NOT SADDLESCAPE_SANITIZE)
  foreach(order IN ITEMS up down)
    set(names blas composed eig eig_faults lanczos net_faults sizes traffic train train_ends)
    if(order STREQUAL "up")
      list(APPEND names captured faults layered net step)
    endif()
    foreach(name IN LISTS names)
      if(name MATCHES "blas|lanczos")
        set(words ${order})
      else()
        set(words late,${order})
      endif()
      add_test(NAME test_cuda_${name}_${order} COMMAND test_cuda_${name})
      set_tests_properties(test_cuda_${name}_${order} PROPERTIES ENVIRONMENT "SADDLESCAPE_HOSTED_ORDER=${words}")
    endforeach()
  endforeach()
endif()
