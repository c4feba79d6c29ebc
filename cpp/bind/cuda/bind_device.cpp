#include "bind/cuda/parts.hpp"
#include "bind/gil.hpp"
#include "cuda/device.hpp"

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

}  // namespace

void cuda_device(py::module_ module) {
  module.def("device", &described);
  module.def("need_device", &cuda::need_device, py::arg("what"));
}

}  // namespace saddlescape::bind
