// The loops of an orthogonalisation, compiled once for each instruction set (orthogonal_cpu.cpp).
#pragma once

#include <cstdint>

#include "core/tables.hpp"

namespace saddlescape::eig {

// Rows of length n that lie `stride` apart: a tile of columns of a larger matrix.
struct OrthogonalKernels {
  // h_i += v_i . b for the j rows of v.
  void (*dots)(std::int64_t n, std::int64_t j, const double* v, std::int64_t stride,
               const double* b, double* h);
  // b -= sum_i h_i v_i.
  void (*take_out)(std::int64_t n, std::int64_t j, const double* v, std::int64_t stride,
                   const double* h, double* b);
};

const OrthogonalKernels& orthogonal_kernels();

}  // namespace saddlescape::eig

SADDLESCAPE_TABLES(saddlescape::eig::OrthogonalKernels, _orthogonal)
