// What an iterative eigen-solver needs of a symmetric matrix: its order and its products.
//
//   eig::Operator laplacian{n, [&](std::int64_t k, const double* in, double* out) { ... }};
//
// `in` and `out` hold k vectors of n numbers, one behind the other. `apply` may throw: the
// exception leaves the solver unchanged.
//
// Vectors may be spread over processes, each of which holds a piece of all of them: then `sum` is
// what brings inner products together, `in` and `out` hold k times `piece` numbers, those from
// `first` on, and all processes call the solver with the same options. What steers it are sums
// over all processes, so that they take the same decisions; a process that throws takes the others
// along (eig/pieces.hpp). A piece may be empty.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace saddlescape::eig {

class Vectors;

// Adds `count` numbers up over all processes, in place: every process gets the same bits.
using Sum = std::function<void(std::int64_t count, double* numbers)>;

struct Operator {
  std::int64_t n = 0;  // the order, of the whole matrix
  std::function<void(std::int64_t k, const double* in, double* out)> apply;
  Sum sum = {};  // empty: whole vectors, in one process
  std::int64_t first = 0, piece = 0;
  // Where in and out of `apply` lie (eig/vectors.hpp); null: in the host's memory.
  std::shared_ptr<const Vectors> vectors = nullptr;

  // How many numbers of a vector are in this process.
  std::int64_t here() const { return sum ? piece : n; }
};

}  // namespace saddlescape::eig
