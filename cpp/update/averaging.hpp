// How parameters enter their average: a <- a + w_t (theta_t - a), w_t of step t >= 1.
//
//   EMA: w_t = 1 - d    SWA: w_n = 1 / n of the n-th entry
//
// in each `every`-th step after the first `start`. The first parameters that enter are the average.
// The same as `optim.EMA` and `optim.SWA` in Python.
#pragma once

#include <cstdint>

#include "core/host_device.hpp"

namespace saddlescape::update {

struct Averaging {
  enum class Kind { none, exponential, mean };

  Kind kind = Kind::none;
  double decay = 0;
  std::int64_t start = 0, every = 1;

  // 0: nothing enters.
  SADDLESCAPE_HOST_DEVICE double weight(std::int64_t step) const {
    const std::int64_t later = step - start - 1;
    if (kind == Kind::none || later < 0 || later % every != 0) return 0;
    const std::int64_t before = later / every;
    if (before == 0) return 1;
    return kind == Kind::exponential ? 1 - decay : 1 / static_cast<double>(before + 1);
  }
};

}  // namespace saddlescape::update
