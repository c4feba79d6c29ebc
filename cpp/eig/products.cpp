#include "eig/products.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "eig/pieces.hpp"

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
  scale(count * op_.here(), out);
}

void Products::multiply_unscaled(std::int64_t count, const double* in, double* out) {
  const std::int64_t n = op_.here();
  for (std::int64_t done = 0; done < count; done += block_) {
    const std::int64_t k = std::min(block_, count - done);
    std::vector<double> wrong(static_cast<std::size_t>(k));
    together(op_.sum, "op", wrong, [&](std::vector<double>& flags) {
      op_.apply(k, in + done * n, out + done * n);
      vectors_->look_for_non_finite(k, out + done * n, flags.data());
    });
    for (std::int64_t i = 0; i < k; ++i)
      if (wrong[i] != 0)
        throw std::invalid_argument("op: product " + std::to_string(count_ + i + 1) +
                                    " holds NaN or an infinite number, expected finite ones");
    count_ += k;
  }
}

void Products::scale(std::int64_t size, double* x) {
  if (!scale_known_) {
    const std::optional<int> exponent = vectors_->largest_exponent(size, x);
    if (!exponent) return;
    scale_known_ = true;
    if (std::abs(*exponent) > 332) exponent_ = *exponent;  // beyond 1e+-100
  }
  if (exponent_ != 0) vectors_->shift_exponent(size, -exponent_, x);
}

}  // namespace saddlescape::eig
