// The loops of orthogonal.cpp. Like the update kernels: one object for each instruction set, no
// contraction, and nothing of std::, so that no function of one set is linked into another's code.
// Rows are taken four at a time, so that b is read once for four of them; the order of every sum
// is fixed, whatever the width of a vector.
#include "core/lanes.hpp"
#include "eig/orthogonal_kernels.hpp"

namespace saddlescape::eig {
namespace {

constexpr std::int64_t lanes = 8;

template <int rows>
SADDLESCAPE_BLOCK_LOOP void dots_of(std::int64_t n, const double* __restrict v, std::int64_t stride,
                                    const double* __restrict b, double* __restrict h) {
  double sums[rows][lanes] = {};
  const std::int64_t body = n / lanes * lanes;
  for (std::int64_t i = 0; i < body; i += lanes)
    for (int row = 0; row < rows; ++row)
#pragma omp simd
      for (std::int64_t lane = 0; lane < lanes; ++lane)
        sums[row][lane] += v[row * stride + i + lane] * b[i + lane];
  for (int row = 0; row < rows; ++row) {
    for (std::int64_t i = body; i < n; ++i) sums[row][i - body] += v[row * stride + i] * b[i];
    double sum = 0;
    for (double part : sums[row]) sum += part;
    h[row] += sum;
  }
}

template <int rows>
SADDLESCAPE_BLOCK_LOOP void take_out_of(std::int64_t n, const double* __restrict v,
                                        std::int64_t stride, const double* __restrict h,
                                        double* __restrict b) {
  double factor[rows];
  for (int row = 0; row < rows; ++row) factor[row] = h[row];
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    double x = b[i];
    for (int row = 0; row < rows; ++row) x -= factor[row] * v[row * stride + i];
    b[i] = x;
  }
}

void dots(std::int64_t n, std::int64_t j, const double* v, std::int64_t stride, const double* b,
          double* h) {
  std::int64_t row = 0;
  for (; row + 4 <= j; row += 4) dots_of<4>(n, v + row * stride, stride, b, h + row);
  for (; row < j; ++row) dots_of<1>(n, v + row * stride, stride, b, h + row);
}

void take_out(std::int64_t n, std::int64_t j, const double* v, std::int64_t stride, const double* h,
              double* b) {
  std::int64_t row = 0;
  for (; row + 4 <= j; row += 4) take_out_of<4>(n, v + row * stride, stride, h + row, b);
  for (; row < j; ++row) take_out_of<1>(n, v + row * stride, stride, h + row, b);
}

}  // namespace
}  // namespace saddlescape::eig

namespace s = saddlescape::eig;

extern "C" const s::OrthogonalKernels SADDLESCAPE_TABLE(_orthogonal) = {s::dots, s::take_out};
