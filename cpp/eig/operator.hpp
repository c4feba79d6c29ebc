// What an iterative eigen-solver needs of a symmetric matrix: its order and its products.
//
//   eig::Operator laplacian{n, [&](std::int64_t k, const double* in, double* out) { ... }};
//
// `in` and `out` hold k vectors of n numbers, one behind the other. `apply` may throw: the
// exception leaves the solver unchanged.
#pragma once

#include <cstdint>
#include <functional>

namespace saddlescape::eig {

struct Operator {
  std::int64_t n = 0;
  std::function<void(std::int64_t k, const double* in, double* out)> apply;
};

}  // namespace saddlescape::eig
