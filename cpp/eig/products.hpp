// The products with an operator as every solver wants them: in blocks, finite, counted, scaled.
//
// Squares of numbers beyond 1e+-154 leave float64's range, so an operator of such a size is divided
// by a power of two, which is exact, from the first product that is not zero: B = A / unit().
#pragma once

#include <cstdint>

#include "eig/operator.hpp"
#include "eig/vectors.hpp"

namespace saddlescape::eig {

// rows * columns. Throws std::length_error if so many numbers cannot be addressed.
std::int64_t checked_size(std::int64_t rows, std::int64_t columns);

class Products {
 public:
  // `op` must live as long; at most `block` vectors go into one call.
  Products(const Operator& op, std::int64_t block)
      : op_(op), vectors_(vectors_of(op)), block_(block) {}

  // out <- B in, `count` vectors, one behind the other. Throws std::invalid_argument if a product
  // is not finite.
  void multiply(std::int64_t count, const double* in, double* out);

  // The same of A itself.
  void multiply_unscaled(std::int64_t count, const double* in, double* out);

  std::int64_t n() const { return op_.n; }
  const Vectors& vectors() const { return *vectors_; }
  std::int64_t count() const { return count_; }
  double unit() const;

 private:
  void scale(std::int64_t size, double* x);

  const Operator& op_;
  std::shared_ptr<const Vectors> vectors_;
  std::int64_t block_, count_ = 0;
  int exponent_ = 0;
  bool scale_known_ = false;
};

}  // namespace saddlescape::eig
