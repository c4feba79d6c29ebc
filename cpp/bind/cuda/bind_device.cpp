#include "bind/cuda/parts.hpp"
#include "bind/gil.hpp"
#include "cuda/blas.hpp"
#include "cuda/device.hpp"
#include "cuda/library.hpp"

namespace saddlescape::bind {
namespace {

py::object text_or_none(const std::string& text) {
  return text.empty() ? py::object(py::none()) : py::object(py::str(text));
}

py::dict described() {
  cuda::Device found;
  {
    const ReleaseGil release;  // the first look at a device takes its time
    found = cuda::device();
  }
  py::dict row;
  row["with"] = cuda::built_with();
  row["usable"] = found.why.empty();
  row["why"] = text_or_none(found.why);
  row["device"] = text_or_none(found.name);
  row["memory"] = found.memory ? py::object(py::int_(found.memory)) : py::object(py::none());
  return row;
}

// Where cuBLAS or cuSOLVER was found, and its version; it has what is called of it.
py::tuple library(const std::string& name) {
  if (name != "cublas" && name != "cusolver")
    throw py::value_error("name: '" + name + "', expected 'cublas' or 'cusolver'");
  if (name == "cublas") cuda::Blas::load();
  const cuda::Library& found =
      name == "cublas" ? cuda::Library::cublas() : cuda::Library::cusolver();
  return py::make_tuple(found.path(), found.version());
}

}  // namespace

void cuda_device(py::module_ module) {
  module.def("device", &described);
  module.def("library", &library, py::arg("name"));
  module.def("need_device", &cuda::need_device, py::arg("what"));
}

}  // namespace saddlescape::bind
