// An optimizer's core over arrays in device memory: saddlescape._core.optim's, with another home.
#include "bind/batch.hpp"
#include "bind/cuda/device_home.hpp"
#include "bind/cuda/parts.hpp"
#include "bind/stepper_class.hpp"
#include "cuda/device.hpp"

namespace saddlescape::bind {
namespace {

class DeviceStepper : public Stepper {
 public:
  DeviceStepper(const std::vector<std::string>& rules, const py::object& params,
                const std::vector<double>& fills, const std::vector<int>& group,
                const std::vector<std::string>& labels, const Layout& layout)
      : Stepper(rules, params, fills, group, labels, layout, device_home()) {}
};

class DeviceBatch : public Batch {
 public:
  DeviceBatch() : Batch(device_home()) {}
};

}  // namespace

void cuda_stepper(py::module_ module) {
  py::class_<DeviceStepper> made(module, "Stepper");
  define_stepper(made);
  py::class_<DeviceBatch>(module, "Batch")
      .def(py::init<>())
      .def("check", &DeviceBatch::check, py::arg("parts"), py::arg("unscale") = 1.0,
           py::arg("stream") = py::none())
      .def("step", &DeviceBatch::step, py::arg("parts"), py::arg("check_finite") = true,
           py::arg("unscale") = 1.0, py::arg("stream") = py::none());
  module.def(
      "check_parameter",
      [](const py::object& array, const std::string& name) {
        device_home()->taken_writable(
            array, name, {Dtype::float32, Dtype::float64, Dtype::bfloat16, Dtype::float16});
      },
      py::arg("array"), py::arg("name"));
}

}  // namespace saddlescape::bind
