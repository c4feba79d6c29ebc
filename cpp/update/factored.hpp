// The table that factored_cpu.cpp exports once for each instruction set: sums over rows and
// columns, and what is divided by their product.
#pragma once

#include <cstdint>

#include "core/tables.hpp"

namespace saddlescape::update {

// Of a stack of matrices; `row` and `column` in what is computed in.
struct Factors {
  std::int64_t rows, columns;
  const void* row;
  const void* column;
  const double* means;  // of each matrix's rows
  double eps;
};

struct FactoredKernels {
  // row_sums_i += sum_j x_ij^2 in lanes of a fixed order, column_sums_j += x_ij^2 row by row.
  // [Real]
  void (*add_squares[2])(const void* x, std::int64_t rows, std::int64_t columns, double* row_sums,
                         double* column_sums);
  // v <- (1 - weight) v + weight g^2.  [Real]
  void (*average_squares[2])(void* v, const void* g, std::int64_t n, double weight);
  // g / max(sqrt(row_i column_j / max(mean, eps)), eps) for elements from .. from + n.  [Real]
  void (*by_factors[2])(const void* g, std::int64_t from, std::int64_t n, const Factors& factors,
                        void* out);
  // g / max(sqrt(v), eps).  [Real]
  void (*by_variance[2])(const void* g, const void* v, std::int64_t n, double eps, void* out);
};

const FactoredKernels& factored_kernels();

}  // namespace saddlescape::update

SADDLESCAPE_TABLES(saddlescape::update::FactoredKernels, _factored)
