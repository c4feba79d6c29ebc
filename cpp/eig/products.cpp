#include "eig/products.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "core/reduce.hpp"

namespace saddlescape::eig {

std::int64_t checked_size(std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / sizeof(double);
  if (rows > 0 && columns > most / rows)
    throw std::length_error("op: " + std::to_string(rows) + " vectors of " +
                            std::to_string(columns) + " numbers, expected at most " +
                            std::to_string(most) + " numbers in all");
  return rows * columns;
}

double Products::unit() const { return std::ldexp(1.0, exponent_); }

void Products::multiply(std::int64_t count, const double* in, double* out) {
  multiply_unscaled(count, in, out);
  scale(count * op_.n, out);
}

void Products::multiply_unscaled(std::int64_t count, const double* in, double* out) {
  const std::int64_t n = op_.n;
  for (std::int64_t done = 0; done < count; done += block_) {
    const std::int64_t k = std::min(block_, count - done);
    op_.apply(k, in + done * n, out + done * n);
    for (std::int64_t i = 0; i < k; ++i)
      if (!reduce::all_finite(out + (done + i) * n, n))
        throw std::invalid_argument("op: product " + std::to_string(count_ + i + 1) +
                                    " holds NaN or an infinite number, expected finite ones");
    count_ += k;
  }
}

void Products::scale(std::int64_t size, double* begin) {
  double* const end = begin + size;
  if (!scale_known_) {
    double largest = 0;
    for (const double* x = begin; x < end; ++x) largest = std::max(largest, std::abs(*x));
    if (largest == 0) return;
    scale_known_ = true;
    if (largest < 1e-100 || largest > 1e100) exponent_ = std::ilogb(largest);
  }
  if (exponent_ != 0)
    for (double* x = begin; x < end; ++x) *x = std::ldexp(*x, -exponent_);
}

}  // namespace saddlescape::eig
