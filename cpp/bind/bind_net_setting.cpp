#include <string>

#include "bind/net_arguments.hpp"

namespace py = pybind11;

namespace saddlescape::bind {

Setting::Setting(bool training, std::uint64_t seed, std::uint64_t draw, py::handle running) {
  mode_.training = training;
  mode_.seed = seed;
  mode_.draw = draw;
  if (running.is_none()) return;
  const Array given = checked_array(running, "running", {Dtype::float64}, {2, any});
  check_finite(given, "running");
  const auto* numbers = given.as<double>();
  running_.assign(numbers, numbers + 2 * given.shape[1]);
  for (std::size_t i = running_.size() / 2; i < running_.size(); ++i)
    if (running_[i] < 0)
      throw py::value_error("running: variance " + std::to_string(running_[i]) +
                            ", expected no negative one");
}

net::Mode Setting::of(const net::Architecture& net, std::int64_t samples) const {
  net::Mode mode = mode_;
  if (net.normalisation != net::Normalisation::batch) return mode;
  if (net.coupled(mode)) {
    if (samples < 2)
      throw py::value_error(
          "X: 1 sample, expected at least 2 where batch normalisation trains: of one alone every "
          "unit's variance is zero, and nothing of the sample is left");
    return mode;
  }
  const auto units = static_cast<std::size_t>(net.hidden_units());
  if (running_.size() != 2 * units)
    throw py::value_error("running: averages of " + std::to_string(running_.size() / 2) +
                          " units, expected " + std::to_string(units) +
                          " (batch normalisation at test time needs them)");
  mode.mean = running_.data();
  mode.variance = running_.data() + units;
  return mode;
}

void net_setting(py::module_ module) {
  py::class_<Setting>(module, "Mode")
      .def(py::init<bool, std::uint64_t, std::uint64_t, py::handle>(), py::arg("training") = false,
           py::arg("seed") = 0, py::arg("draw") = 0, py::arg("running") = py::none());
}

}  // namespace saddlescape::bind
