// The loops of an orthogonalisation, compiled once for each instruction set (orthogonal_cpu.cpp).
#pragma once

#include <cstdint>

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

extern "C" {
#if defined(__x86_64__)
extern const saddlescape::eig::OrthogonalKernels kernels_x86_64_v2_orthogonal;
extern const saddlescape::eig::OrthogonalKernels kernels_x86_64_v3_orthogonal;
extern const saddlescape::eig::OrthogonalKernels kernels_x86_64_v4_orthogonal;
#else
extern const saddlescape::eig::OrthogonalKernels kernels_generic_orthogonal;
#endif
}
