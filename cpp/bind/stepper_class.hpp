// What Python sees of a stepper, wherever its arrays live.
#pragma once

#include "bind/stepper.hpp"

namespace saddlescape::bind {

template <class Made>
void define_stepper(py::class_<Made>& made) {
  made.def(py::init<const std::vector<std::string>&, const py::object&, const std::vector<double>&,
                    const std::vector<int>&, const std::vector<std::string>&, const Layout&>(),
           py::arg("rules"), py::arg("params"), py::arg("fills"), py::arg("group"),
           py::arg("labels"), py::arg("layout"))
      .def("step", &Made::step, py::arg("grads"), py::arg("check_finite") = true,
           py::arg("skip") = false, py::arg("stream") = py::none())
      .def("look", &Made::look, py::arg("grads"), py::arg("check_finite") = true,
           py::arg("skip") = false, py::arg("stream") = py::none())
      .def("load", &Made::load, py::arg("state"), py::arg("steps"), py::arg("carried"),
           py::arg("calls"), py::arg("as_left") = false)
      .def("put", &Made::put, py::arg("buffer"), py::arg("rows"), py::arg("argument"))
      .def("measured", &Made::measured, py::arg("norms"), py::arg("gradient_norm"), py::arg("clip"))
      .def("options", &Made::options, py::arg("group"), py::return_value_policy::reference_internal)
      .def_property_readonly(
          "around", [](Made& made_one) -> update::Around& { return made_one.around; },
          py::return_value_policy::reference_internal)
      .def_property_readonly("params", &Made::params)
      .def_property_readonly("buffer_names", &Made::buffer_names)
      .def_property_readonly("buffers", &Made::buffers)
      .def_property_readonly("steps", &Made::steps)
      .def_property_readonly("carried", &Made::carried)
      .def_property_readonly("carries", &Made::carries)
      .def("numbers", &Made::numbers)
      .def_property_readonly("norms", &Made::norms)
      .def_property_readonly("gradient_norm",
                             [](const Made& s) { return s.outcome().gradient_norm; })
      .def_property_readonly("clip", [](const Made& s) { return s.outcome().clip; })
      .def_property_readonly("calls", &Made::calls);
}

}  // namespace saddlescape::bind
