// An optimizer's core over arrays in device memory: saddlescape._core.optim's, with another home.
#include "bind/cuda/captured_step.hpp"
#include "bind/cuda/device_home.hpp"
#include "bind/cuda/parts.hpp"
#include "bind/stepper_class.hpp"
#include "cuda/device.hpp"

namespace saddlescape::bind {
void cuda_stepper(py::module_ module) {
  py::class_<DeviceStepper> made(module, "Stepper");
  define_stepper(made);
  py::class_<update::Averaging>(module, "Averaging")
      .def(py::init([](double decay, std::int64_t start, std::int64_t every) {
             using Kind = update::Averaging::Kind;
             return update::Averaging{decay < 0 ? Kind::mean : Kind::exponential, decay, start,
                                      every};
           }),
           py::arg("decay"), py::arg("start"), py::arg("every"));
  py::class_<CapturedStep>(module, "Captured")
      .def(py::init<DeviceStepper&, const py::object&, const py::list&, const py::object&,
                    const py::object&, const py::object&, bool, const py::object&>(),
           py::keep_alive<1, 2>(), py::arg("stepper"), py::arg("grads"), py::arg("lr"),
           py::arg("grad_scale"), py::arg("found_inf"), py::arg("averaging"),
           py::arg("check_finite"), py::arg("stream"))
      .def("launch", &CapturedStep::launch, py::arg("stream"))
      .def("read", &CapturedStep::read, py::arg("stream"));
  py::class_<CapturedBatch>(module, "CapturedBatch")
      .def(py::init<DeviceBatch&, const py::list&, const py::list&, const py::object&,
                    const py::object&, bool, const py::object&>(),
           py::arg("batch"), py::arg("parts"), py::arg("lr"), py::arg("grad_scale"),
           py::arg("found_inf"), py::arg("check_finite"), py::arg("stream"))
      .def("launch", &CapturedBatch::launch, py::arg("stream"))
      .def("read", &CapturedBatch::read, py::arg("stream"));
  py::class_<DeviceBatch>(module, "Batch")
      .def(py::init<>())
      .def("check", &DeviceBatch::check, py::arg("parts"), py::arg("unscale") = 1.0,
           py::arg("stream") = py::none(), py::arg("check_finite") = true)
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
