// The CUDA backend's extension module: it only registers. saddlescape imports it where somebody
// asks for a device.
#include <pybind11/pybind11.h>

#include "bind/bundled.hpp"
#include "bind/cuda/parts.hpp"
#include "core/blas.hpp"
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
  saddlescape::blas::load(saddlescape::bind::bundled_blas());  // for what goes to the host
  saddlescape::bind::cuda_device(module);
  saddlescape::bind::cuda_array(module);
  saddlescape::bind::cuda_eig(module.def_submodule("eig"));
  saddlescape::bind::cuda_net(module);
  saddlescape::bind::cuda_stepper(module);
  saddlescape::bind::cuda_train(module);
#ifdef SADDLESCAPE_CUDA_HOSTED
  saddlescape::bind::cuda_hosted(module.def_submodule("hosted"));
#endif
}
