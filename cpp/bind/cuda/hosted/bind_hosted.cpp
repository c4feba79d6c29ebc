// The CPU that stands in for a device, as tests in Python see it: what it counted, and how much
// memory it lets anybody have.
#include <pybind11/stl.h>

#include <limits>
#include <map>

#include "bind/cuda/parts.hpp"
#include "cuda/hosted/device.hpp"

namespace py = pybind11;

namespace saddlescape::bind {
namespace {

std::map<std::string, std::int64_t> counts() {
  const cuda::TestDevice& device = cuda::test_device();
  return {{"used", device.used},       {"launches", device.launches},
          {"uploads", device.uploads}, {"downloads", device.downloads},
          {"waits", device.waits},     {"follows", device.follows},
          {"ordered", device.ordered}};
}

void reset() {
  cuda::TestDevice& device = cuda::test_device();
  device.launches = device.uploads = device.downloads = device.waits = device.follows = 0;
  device.ordered = -1;
}

}  // namespace

void cuda_hosted(py::module_ module) {
  module.def("counts", &counts);
  module.def("reset", &reset);
  module.def("use", [](int number) { cuda::test_device().current = number; }, py::arg("device"));
  module.def(
      "limit",
      [](const py::object& bytes) {
        cuda::test_device().limit = bytes.is_none() ? std::numeric_limits<std::int64_t>::max()
                                                    : py::cast<std::int64_t>(bytes);
      },
      py::arg("bytes"));
}

}  // namespace saddlescape::bind
