// The one order in which sums over tiles, or over pieces of any kind, are added up, on the CPU and
// on a device: those of a group of 1024 one after the other, then the groups one after the other.
//
// A device takes the groups side by side, and the bits are those of one thread that goes through
// all of it. Up to 1024 of them it is the plain order.
#pragma once

#include <cstdint>

#include "core/host_device.hpp"

namespace saddlescape::sums {
namespace {

constexpr std::int64_t together = 1024;

// Of so many tiles; one, of nothing, where there are none.
SADDLESCAPE_HOST_DEVICE inline std::int64_t groups_of(std::int64_t tiles) {
  return tiles > together ? (tiles + together - 1) / together : 1;
}

// A sum of numbers.
struct Plain {
  double value = 0;

  SADDLESCAPE_HOST_DEVICE void add(double x) { value += x; }
  SADDLESCAPE_HOST_DEVICE void add(const Plain& other) { value += other.value; }
};

// The whole, taken term by term. Sum: Plain, or what adds a term and another Sum as it does.
template <class Sum>
class InGroups {
 public:
  template <class Term>
  SADDLESCAPE_HOST_DEVICE void add(const Term& term) {
    group_.add(term);
    if (++count_ < together) return;
    whole_.add(group_);
    group_ = Sum();
    count_ = 0;
  }

  SADDLESCAPE_HOST_DEVICE Sum total() const {
    Sum all = whole_;
    if (count_ > 0) all.add(group_);
    return all;
  }

 private:
  Sum whole_, group_;
  std::int64_t count_ = 0;
};

}  // namespace
}  // namespace saddlescape::sums
