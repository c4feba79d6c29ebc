#include "bind/cuda/told.hpp"

#include <cstdlib>

namespace saddlescape::bind {
namespace {

Shape integers(const py::object& given) {
  Shape found;
  for (const py::handle each : py::cast<py::tuple>(given))
    found.push_back(py::cast<std::int64_t>(each));
  return found;
}

}  // namespace

Told told_by(const py::object& interface) {
  const auto given = py::cast<py::dict>(interface);
  Told told;
  told.dtype = py::cast<std::string>(py::object(given["typestr"]));
  told.shape = integers(given["shape"]);
  if (given.contains("strides") && !given["strides"].is_none())
    told.strides = integers(given["strides"]);
  const auto data = py::cast<py::tuple>(py::object(given["data"]));
  told.data = reinterpret_cast<void*>(py::cast<std::uintptr_t>(py::object(data[0])));
  told.read_only = py::cast<bool>(py::object(data[1]));
  told.masked = given.contains("mask") && !given["mask"].is_none();
  if (given.contains("stream")) told.stream = given["stream"];
  return told;
}

bool has_word(const py::object& interface) {
  if (!py::isinstance<py::dict>(interface)) return !interface.is_none();
  const py::object text = interface.attr("get")("typestr");
  return !py::isinstance<py::str>(text) ||
         py::cast<std::string>(text).find('V') == std::string::npos;
}

dlpack::DataType typed(const std::string& dtype) {
  if (dtype.size() < 3 || dtype[0] == '>') return {};
  const int bytes = std::atoi(dtype.c_str() + 2);
  const auto bits = static_cast<std::uint8_t>(8 * bytes);
  if (bytes < 1 || bytes > 16) return {};
  switch (dtype[1]) {
    case 'f':
      return {dlpack::real, bits, 1};
    case 'i':
      return {dlpack::signed_int, bits, 1};
    case 'u':
      return {dlpack::unsigned_int, bits, 1};
    case 'c':
      return {dlpack::complex, bits, 1};
    case 'b':
      return {dlpack::boolean, bits, 1};
    default:
      return {};
  }
}

}  // namespace saddlescape::bind
