// What a network of Python's is asked for besides its parameters.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <vector>

#include "net/mlp.hpp"

namespace saddlescape::bind {

// A net::Mode with averages of its own: (2, hidden units) float64, means and variances, or none.
class Setting {
 public:
  Setting() = default;
  Setting(bool training, std::uint64_t seed, std::uint64_t draw, pybind11::handle running);

  // What the network's functions take for a batch of so many samples; checked. Points into this.
  net::Mode of(const net::Architecture& net, std::int64_t samples) const;

 private:
  net::Mode mode_;
  std::vector<double> running_;
};

}  // namespace saddlescape::bind
