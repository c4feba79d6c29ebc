#include "bind/bursts.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "bind/array.hpp"

namespace saddlescape::bind {
namespace {

double checked_penalty(const char* name, double value) {
  if (std::isfinite(value) && value >= 0) return value;
  throw py::value_error(std::string(name) + ": " +
                        py::cast<std::string>(py::repr(py::cast(value))) +
                        ", expected a finite number >= 0");
}

}  // namespace

train::Penalty penalty_of(double l1, double l2) {
  return {checked_penalty("l1", l1), checked_penalty("l2", l2)};
}

py::array_t<double> Bursts::table(std::int64_t steps) {
  return py::array_t<double>(std::vector<py::ssize_t>{steps, train::record_width});
}

std::int64_t Bursts::cut(std::int64_t samples, std::int64_t size, std::int64_t least) {
  if (size < 1) throw py::value_error("size: " + std::to_string(size) + ", expected at least 1");
  samples_ = samples;
  size_ = std::min(size, samples);
  least_ = least;
  check_batch(size_);
  return size_;
}

train::Burst Bursts::next(const py::object& order, const py::object& rates,
                          const py::object& weights, double seconds) {
  train::Burst burst{};
  const Array rate = checked_array(rates, "rates", {Dtype::float64}, {any});
  const Array weight = checked_array(weights, "weights", {Dtype::float64}, {rate.size});
  check_finite(rate, "rates");
  check_non_negative(rate, "rates");
  check_finite(weight, "weights");
  burst.steps = rate.size;
  burst.size = size_;
  take_order(order, burst);
  burst.rates = rate.as<double>();
  burst.weights = weight.as<double>();
  burst.seconds = seconds;
  next_ = table(burst.steps);
  burst.records = next_.mutable_data();
  return burst;
}

bool Bursts::done(const train::Progress& progress) {
  records_ = next_;
  done_ = progress.steps;
  steps_ += done_;
  return progress.finite;
}

void Bursts::take_order(const py::object& order, train::Burst& burst) const {
  if (order.is_none()) {
    if (size_ < samples_)
      throw py::value_error("order: None with batches of " + std::to_string(size_) + " of " +
                            std::to_string(samples_) + " samples, expected their numbers");
    return;
  }
  const Array rows = checked_array(order, "order", {Dtype::int64}, {any});
  if (size_ == samples_) throw py::value_error("order: given with full batches, expected None");
  if ((rows.size + size_ - 1) / size_ != burst.steps)
    throw py::value_error("order: " + std::to_string(rows.size) + " numbers for " +
                          std::to_string(burst.steps) + " steps of " + std::to_string(size_));
  if (rows.size > 0) check_batch((rows.size - 1) % size_ + 1);
  burst.order = rows.as<std::int64_t>();
  burst.samples = rows.size;
  for (std::int64_t i = 0; i < rows.size; ++i)
    if (burst.order[i] < 0 || burst.order[i] >= samples_)
      throw py::value_error("order: " + std::to_string(burst.order[i]) + " at " +
                            std::to_string(i) + ", expected 0 to " + std::to_string(samples_ - 1));
}

void Bursts::check_batch(std::int64_t samples) const {
  if (samples < least_)
    throw py::value_error(
        "size: a batch of 1 sample, expected at least 2, for batch normalisation");
}

}  // namespace saddlescape::bind
