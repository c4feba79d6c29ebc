// The loops of ldlt.cpp. Like the update kernels: one object for each instruction set, no
// contraction, and nothing of std::, so that no function of one set is linked into another's code.
#include "core/lanes.hpp"
#include "eig/elimination.hpp"

namespace saddlescape::eig {
namespace {

constexpr double u = 0x1p-53;  // unit roundoff

inline double magnitude(double x) { return __builtin_fabs(x); }

template <class F>
SADDLESCAPE_BLOCK_LOOP double sum_of(std::int64_t n, const F& f) {
  lanes::Lanes sum;
  sum.add(n, f);
  return sum.total();
}

std::int64_t largest(const double* x, std::int64_t n, std::int64_t self) {
  double most = -1;
#pragma omp simd reduction(max : most)
  for (std::int64_t i = 0; i < n; ++i) {
    const double own = i == self ? -1 : magnitude(x[i]);
    most = own > most ? own : most;
  }
  for (std::int64_t i = 0; i < n; ++i)
    if (i != self && magnitude(x[i]) == most) return i;
  return -1;
}

void divide(const double* __restrict w, std::int64_t n, double d, double* __restrict l,
            double* __restrict c, double* __restrict e) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    l[i] = d == 0 ? 0 : w[i] / d;
    c[i] = w[i];
    e[i] = u * magnitude(w[i]);  // a division that is rounded once
  }
}

void divide_two(const double* __restrict w, const double* __restrict x, std::int64_t n, double a,
                double b, double c, double* const l[2], double* const kept[2], double* const e[2]) {
  const double a_b = a / b, c_b = c / b, t = 1 / (b * (a_b * c_b - 1));
  double* __restrict l1 = l[0], * __restrict l2 = l[1], * __restrict c1 = kept[0];
  double* __restrict c2 = kept[1], * __restrict e1 = e[0], * __restrict e2 = e[1];
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const double first = t * (c_b * w[i] - x[i]), second = t * (a_b * x[i] - w[i]);
    l1[i] = first;
    l2[i] = second;
    c1[i] = w[i];
    c2[i] = x[i];
    // The residual as computed, and what its four roundings may have got wrong.
    const double fa = first * a, sb = second * b, fb = first * b, sc = second * c;
    e1[i] = magnitude(fa + sb - w[i]) + 4 * u * (magnitude(fa) + magnitude(sb) + magnitude(w[i]));
    e2[i] = magnitude(fb + sc - x[i]) + 4 * u * (magnitude(fb) + magnitude(sc) + magnitude(x[i]));
  }
}

double note(const double* __restrict l, const double* __restrict c, const double* __restrict e,
            std::int64_t n, double* __restrict sums, double* __restrict off) {
  const double l_sum = 1 + sum_of(n, [=](std::int64_t i) { return magnitude(l[i]); });
  const double c_sum = sum_of(n, [=](std::int64_t i) { return magnitude(c[i]); });
  const double e_sum = sum_of(n, [=](std::int64_t i) { return e[i]; });
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    sums[i] += magnitude(l[i]) * c_sum + magnitude(c[i]) * l_sum;
    off[i] += magnitude(l[i]) * e_sum + e[i] * l_sum;
  }
  return e_sum;
}

double add_magnitudes(const double* __restrict x, std::int64_t n, double* __restrict sums) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) sums[i] += magnitude(x[i]);
  return sum_of(n, [=](std::int64_t i) { return magnitude(x[i]); });
}

}  // namespace
}  // namespace saddlescape::eig

namespace s = saddlescape::eig;

extern "C" const s::EliminationKernels SADDLESCAPE_TABLE(_elimination) = {
    s::largest, s::divide, s::divide_two, s::note, s::add_magnitudes};
