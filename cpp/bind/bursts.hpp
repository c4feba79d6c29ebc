// What the training loops of the CPU and of a device are asked for: steps in bursts, their numbers
// checked, and the records of what was done.
#pragma once

#include <pybind11/numpy.h>

#include <cstdint>

#include "train/loop.hpp"

namespace saddlescape::bind {

// Finite, >= 0, or refused by name.
train::Penalty penalty_of(double l1, double l2);

class Bursts {
 public:
  // Before the first: returns how many samples a batch has, `size` at most; `least` at least.
  std::int64_t cut(std::int64_t samples, std::int64_t size, std::int64_t least = 1);

  // The next one, of NumPy's arrays, which must live on until it is done.
  train::Burst next(const pybind11::object& order, const pybind11::object& rates,
                    const pybind11::object& weights, double seconds);

  // Keeps its records. Returns whether all was finite.
  bool done(const train::Progress& progress);

  pybind11::object records() const { return records_[pybind11::slice(0, done_, 1)]; }
  std::int64_t steps() const { return steps_; }  // of all bursts

 private:
  static pybind11::array_t<double> table(std::int64_t steps);
  void take_order(const pybind11::object& order, train::Burst& burst) const;
  void check_batch(std::int64_t samples) const;

  std::int64_t samples_ = 0, size_ = 0, least_ = 1, done_ = 0, steps_ = 0;
  pybind11::array_t<double> records_ = table(0), next_ = table(0);
};

}  // namespace saddlescape::bind
