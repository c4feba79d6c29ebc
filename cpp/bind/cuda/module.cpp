// The CUDA backend's extension module: it only registers. saddlescape imports it where somebody
// asks for a device.
#include <pybind11/pybind11.h>

#include "bind/cuda/parts.hpp"
#include "cuda/device.hpp"

namespace py = pybind11;

namespace {

void translate(std::exception_ptr error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const saddlescape::cuda::OutOfMemory& short_of) {
    py::set_error(PyExc_MemoryError, short_of.what());
  }
}

}  // namespace

PYBIND11_MODULE(_cuda, module) {
  py::register_local_exception_translator(&translate);
  module.attr("__version__") = SADDLESCAPE_VERSION;
  saddlescape::bind::cuda_device(module);
}
