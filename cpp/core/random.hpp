// Random numbers that depend on the seed and the position alone: the same for every compiler,
// platform and order of calls (normals up to the last bit of the platform's log, cos and sin).
//
// splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014)
// is a bijection of a counter, so element i of a stream needs no state but i.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/host_device.hpp"

namespace saddlescape {

class Random {
 public:
  explicit Random(std::uint64_t seed) : key_(mix(seed)) {}

  // Element i of the stream, i from 1: what the i-th call of bits() gives.
  SADDLESCAPE_HOST_DEVICE std::uint64_t at(std::uint64_t i) const { return mix(key_ + golden * i); }

  std::uint64_t bits() { return at(++counter_); }

  // Uniform in (0, 1]: 53 bits, never zero, so that its logarithm is finite.
  double uniform() { return (static_cast<double>(bits() >> 11) + 1.0) * 0x1p-53; }

  // Standard normals by Box and Muller (1958): sqrt(-2 ln u) times cos and sin of 2 pi v.
  void normals(double* out, std::int64_t count) {
    for (std::int64_t i = 0; i < count; i += 2) {
      const double radius = std::sqrt(-2.0 * std::log(uniform()));
      const double angle = 6.283185307179586 * uniform();
      out[i] = radius * std::cos(angle);
      if (i + 1 < count) out[i + 1] = radius * std::sin(angle);
    }
  }

  // The numbers from `first` on of `of` such normals, `count` of them, as if all had been drawn.
  void part_of_normals(double* out, std::int64_t first, std::int64_t count, std::int64_t of) {
    const std::uint64_t behind = counter_ + 2 * static_cast<std::uint64_t>((of + 1) / 2);
    counter_ += 2 * static_cast<std::uint64_t>(first / 2);
    if (first % 2 && count > 0) {
      double pair[2];
      normals(pair, 2);
      *out++ = pair[1];
      --count;
    }
    normals(out, count);
    counter_ = behind;
  }

  // Uniform among 0 ... n - 1, n >= 1, without bias: Lemire (2019), "Fast random integer generation
  // in an interval", ACM Trans. Model. Comput. Simul. 29(1), algorithm 5.
  std::uint64_t below(std::uint64_t n) {
    // x n / 2^64 for x in [0, 2^64): each result has floor(2^64 / n) or one more x. The one more is
    // drawn again: it shows in the low half, which then lies below 2^64 mod n.
    Wide product = static_cast<Wide>(bits()) * n;
    if (static_cast<std::uint64_t>(product) < n) {
      const std::uint64_t rest = (0 - n) % n;  // 2^64 mod n
      while (static_cast<std::uint64_t>(product) < rest) product = static_cast<Wide>(bits()) * n;
    }
    return static_cast<std::uint64_t>(product >> 64);
  }

  // +1 and -1 with equal probability: 64 of them from one draw.
  void signs(double* out, std::int64_t count) {
    std::uint64_t drawn = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      if (i % 64 == 0) drawn = bits();
      out[i] = (drawn >> (i % 64)) & 1u ? 1.0 : -1.0;
    }
  }

 private:
  __extension__ typedef unsigned __int128 Wide;

  static constexpr std::uint64_t golden = 0x9E3779B97F4A7C15u;

  SADDLESCAPE_HOST_DEVICE static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  std::uint64_t key_;
  std::uint64_t counter_ = 0;
};

}  // namespace saddlescape
