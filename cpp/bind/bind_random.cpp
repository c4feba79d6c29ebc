// The random numbers of training, by name: see core/streams.hpp.
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bind/array.hpp"
#include "bind/gil.hpp"
#include "bind/parts.hpp"
#include "core/streams.hpp"

namespace py = pybind11;

namespace saddlescape::bind {
namespace {

std::vector<std::string> purposes() {
  std::vector<std::string> names;
  for (const auto& known : streams::purposes) names.emplace_back(known.name);
  return names;
}

Random stream_of(const std::string& purpose, std::uint64_t seed, std::uint64_t index) {
  if (index >> streams::index_bits)
    throw py::value_error("index: " + std::to_string(index) + ", expected below 2**61");
  for (const auto& known : streams::purposes)
    if (purpose == known.name) return streams::stream(seed, known.purpose, index);
  throw py::value_error("purpose: '" + purpose + "', expected one of _core.random.purposes()");
}

void check_count(const char* name, std::int64_t count) {
  if (count < 0)
    throw py::value_error(std::string(name) + ": " + std::to_string(count) +
                          ", expected at least 0");
}

py::array_t<double> normals(const std::string& purpose, std::uint64_t seed, std::uint64_t index,
                            std::int64_t count) {
  const Random stream = stream_of(purpose, seed, index);
  check_count("count", count);
  py::array_t<double> out(count);
  double* const numbers = out.mutable_data();
  const ReleaseGil release;
  streams::normals(stream, numbers, count);
  return out;
}

py::array_t<std::int64_t> permutation(const std::string& purpose, std::uint64_t seed,
                                      std::uint64_t index, std::int64_t count) {
  const Random stream = stream_of(purpose, seed, index);
  check_count("count", count);
  py::array_t<std::int64_t> out(count);
  std::int64_t* const order = out.mutable_data();
  const ReleaseGil release;
  streams::permutation(stream, order, count);
  return out;
}

py::array_t<double> orthonormal(const std::string& purpose, std::uint64_t seed, std::uint64_t index,
                                std::int64_t count, std::int64_t length) {
  const Random stream = stream_of(purpose, seed, index);
  check_count("count", count);
  if (length < count)
    throw py::value_error("length: " + std::to_string(length) + ", expected at least count, " +
                          std::to_string(count));
  py::array_t<double> out({count, length});
  double* const numbers = out.mutable_data();
  const ReleaseGil release;
  streams::orthonormal(stream, numbers, count, length);
  return out;
}

}  // namespace

void random(py::module_ module) {
  module.def("purposes", &purposes);
  module.def("normals", &normals, py::arg("purpose"), py::arg("seed"), py::arg("index"),
             py::arg("count"));
  module.def("permutation", &permutation, py::arg("purpose"), py::arg("seed"), py::arg("index"),
             py::arg("count"));
  module.def("orthonormal", &orthonormal, py::arg("purpose"), py::arg("seed"), py::arg("index"),
             py::arg("count"), py::arg("length"));
}

}  // namespace saddlescape::bind
