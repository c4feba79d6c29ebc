#include "bind/architecture.hpp"

#include <pybind11/pybind11.h>

#include <limits>
#include <utility>

namespace py = pybind11;

namespace saddlescape::bind {
namespace {

template <class Table>
const auto& row_of(const Table& table, const std::string& name, const char* argument) {
  std::string allowed;
  for (const auto& row : table) {
    if (name == row.name) return row;
    allowed += (allowed.empty() ? "" : ", ") + std::string(row.name);
  }
  throw py::value_error(std::string(argument) + ": '" + name + "', expected one of " + allowed);
}

// A side must fit the 32-bit integers of BLAS, the whole network an address.
void check_sizes(const std::vector<std::int64_t>& sizes) {
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  if (sizes.size() < 2)
    throw py::value_error("sizes: " + std::to_string(sizes.size()) +
                          " given, expected at least 2, inputs and outputs");
  double bytes = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 1 || sizes[i] > most)
      throw py::value_error("sizes[" + std::to_string(i) + "]: " + std::to_string(sizes[i]) +
                            ", expected 1 to " + std::to_string(most));
    if (i > 0) bytes += 8.0 * static_cast<double>(sizes[i]) * static_cast<double>(sizes[i - 1] + 1);
  }
  if (bytes > 9e18)
    throw py::value_error("sizes: more parameters than 64-bit addresses reach, expected fewer");
}

constexpr struct {
  const char* name;
  net::Part part;
} parts[] = {{"all", net::Part::all},
             {"functional", net::Part::functional},
             {"gauss_newton", net::Part::gauss_newton}};

}  // namespace

net::Architecture architecture(std::vector<std::int64_t> sizes, const std::string& activation,
                               const std::string& loss, bool bias, const std::string& normalisation,
                               bool residual, double dropout, double huber_delta,
                               bool normalise_after) {
  check_sizes(sizes);
  if (!(dropout >= 0 && dropout < 1))
    throw py::value_error("dropout: " + std::to_string(dropout) + ", expected a rate in [0, 1)");
  if (!(huber_delta > 0 && huber_delta <= std::numeric_limits<double>::max()))
    throw py::value_error("huber_delta: " + std::to_string(huber_delta) +
                          ", expected a finite number > 0");
  return {std::move(sizes),
          row_of(net::activations, activation, "activation").activation,
          row_of(net::losses, loss, "loss").loss,
          bias,
          row_of(net::normalisations, normalisation, "normalisation").normalisation,
          residual,
          dropout,
          huber_delta,
          normalise_after};
}

net::Part part_named(const std::string& name) { return row_of(parts, name, "part").part; }

}  // namespace saddlescape::bind
