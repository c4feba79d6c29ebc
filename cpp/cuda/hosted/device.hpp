// What tests of the kernels see of the CPU that stands in for a CUDA device.
#pragma once

#include <cstdint>
#include <limits>

namespace saddlescape::cuda {

struct TestDevice {
  std::int64_t limit = std::numeric_limits<std::int64_t>::max();  // of all memory, in bytes
  std::int64_t used = 0;
  std::int64_t launches = 0, uploads = 0, downloads = 0, waits = 0, follows = 0;
  int current = 0;  // the number of the device that is used
  int ordered = 0;  // the one that was used when streams were last put in order, or waited for
};
TestDevice& test_device();

}  // namespace saddlescape::cuda
