// The loops of panel.cpp: sums in lanes, no contraction, nothing of std::, so that every
// instruction set gives the same bits.
#include "core/lanes.hpp"
#include "eig/panel_kernels.hpp"

namespace saddlescape::eig {
namespace {

// As in bulge_cpu.cpp: squares that sum up to less are lost in their own underflow.
constexpr double least_squares = 1e-280;

// beta = -sign(x_0) ||x||, tau = (beta - x_0) / beta, v = x / (x_0 - beta) but for v_0 = 1.
double reflect(std::int64_t n, const double* __restrict x, double* __restrict v, double* tau) {
  lanes::Lanes squares;
  squares.add_squares(x + 1, n - 1);
  const double first = x[0], rest = squares.total();
  const bool none = !(rest >= least_squares);
  const double norm = __builtin_sqrt(first * first + rest);
  const double beta = none ? first : (first > 0 ? -norm : norm);
  const double scale = none ? 0.0 : 1 / (first - beta);
#pragma omp simd
  for (std::int64_t i = 1; i < n; ++i) v[i] = x[i] * scale;
  v[0] = 1;
  *tau = none ? 0.0 : (beta - first) / beta;
  return beta;
}

void apply(std::int64_t n, const double* __restrict v, double tau, double* __restrict x) {
  lanes::Lanes dot;
  dot.add(n, [=](std::int64_t i) { return v[i] * x[i]; });
  const double factor = tau * dot.total();
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) x[i] -= factor * v[i];
}

}  // namespace
}  // namespace saddlescape::eig

namespace s = saddlescape::eig;

extern "C" const s::PanelKernels SADDLESCAPE_TABLE(_panel) = {s::reflect, s::apply};
