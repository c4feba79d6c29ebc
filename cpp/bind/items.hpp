// Lists of arrays as they come from Python, and what their entries are called in errors.
#pragma once

#include <string>
#include <vector>

#include "bind/array.hpp"

namespace saddlescape::bind {

inline std::string item(const std::string& list, std::size_t i) {
  return list + "[" + std::to_string(i) + "]";
}

inline std::string type_name(py::handle object) {
  return py::cast<std::string>(py::type::handle_of(object).attr("__name__"));
}

inline std::vector<py::object> items_of(const py::object& source, const std::string& name) {
  if (!py::isinstance<py::list>(source) && !py::isinstance<py::tuple>(source))
    throw py::type_error(name + ": " + type_name(source) + ", expected " +
                         (name == "params" ? "a NumPy array, or " : "") +
                         "a list or tuple of NumPy arrays");
  std::vector<py::object> items;
  for (py::handle each : source) items.push_back(py::reinterpret_borrow<py::object>(each));
  return items;
}

}  // namespace saddlescape::bind
