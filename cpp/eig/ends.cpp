#include "eig/ends.hpp"

#include <algorithm>
#include <vector>

#include "core/blas.hpp"
#include "core/memory.hpp"
#include "core/parallel.hpp"
#include "eig/band.hpp"
#include "eig/bulge.hpp"
#include "eig/dense.hpp"
#include "eig/inverse_iteration.hpp"
#include "eig/panel_kernels.hpp"
#include "eig/sturm.hpp"

namespace saddlescape::eig {
namespace {

using blas::Op;

constexpr std::int64_t b = bandwidth;

// y <- H_1 H_2 ... y for each of k rows of y, which hold zeros behind element n.
void apply_sweeps(std::int64_t n, Sweeps& sweeps, std::int64_t k, double* y, std::int64_t stride) {
  const PanelKernels& kernels = panel_kernels();
  parallel_for(k, 1 + 1'000'000 / (n * n + 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t sweep = n - 3; sweep >= 0; --sweep)
      for (std::int64_t step = 0; step < Sweeps::steps(n, sweep); ++step)
        for (std::int64_t i = begin; i < end; ++i)
          kernels.apply(b, sweeps.v(sweep, step), sweeps.tau(sweep, step),
                        y + i * stride + sweep + 1 + step * b);
  });
}

// y <- (I - V T V^T) y, the last panel first.
void apply_panels(std::int64_t n, const double* s, const Panels& panels, std::int64_t k, double* y,
                  std::int64_t stride) {
  std::vector<double> vy(k * b), tvy(k * b);
  const std::int64_t count = static_cast<std::int64_t>(panels.t.size()) / (b * b);
  for (std::int64_t panel = count - 1; panel >= 0; --panel) {
    const std::int64_t first = (panel + 1) * b, m = n - first, reflectors = std::min(b, m - 1);
    const double* const v = s + panel * b * n + first;
    blas::gemm(Op::none, Op::transpose, k, reflectors, m, 1.0, y + first, stride, v, n, 0.0,
               vy.data(), b);
    blas::gemm(Op::none, Op::transpose, k, reflectors, reflectors, 1.0, vy.data(), b,
               panels.t.data() + panel * b * b, b, 0.0, tvy.data(), b);
    blas::gemm(Op::none, Op::none, k, m, reflectors, -1.0, tvy.data(), b, v, n, 1.0, y + first,
               stride);
  }
}

}  // namespace

template <class T>
void end_pairs(std::int64_t n, const T* a, std::int64_t low, std::int64_t high, double* w,
               double* rows) {
  const std::int64_t k = low + high, stride = n + 2 * b;
  if (k == 0) return;
  const Numbers s = numbers(n * n);
  const Scaling scaling = scaled_symmetric_part(n, a, s.get());
  std::vector<double> d(n), e(n), all(n);
  Panels panels;
  Sweeps sweeps(n);
  {
    Band band(n);
    dense_to_band(n, s.get(), band, &panels, nullptr);
    tridiagonal_of_band(band, d.data(), e.data(), &sweeps);
  }
  tridiagonal_eigenvalues(n, d.data(), e.data(), all.data());
  std::copy(all.begin(), all.begin() + low, w);
  std::copy(all.end() - high, all.end(), w + low);
  std::vector<double> y(k * stride);
  tridiagonal_vectors(n, d.data(), e.data(), k, w, y.data(), stride);
  apply_sweeps(n, sweeps, k, y.data(), stride);
  apply_panels(n, s.get(), panels, k, y.data(), stride);
  for (std::int64_t i = 0; i < k; ++i)
    std::copy(y.begin() + i * stride, y.begin() + i * stride + n, rows + i * n);
  unscale(k, scaling.exponent, w);
}

template void end_pairs(std::int64_t, const float*, std::int64_t, std::int64_t, double*, double*);
template void end_pairs(std::int64_t, const double*, std::int64_t, std::int64_t, double*, double*);

}  // namespace saddlescape::eig
