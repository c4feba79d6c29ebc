#include "eig/signs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/memory.hpp"
#include "core/parallel.hpp"
#include "eig/certify.hpp"
#include "eig/ldlt.hpp"

namespace saddlescape::eig {
namespace {

constexpr double u = 0x1p-53;  // unit roundoff
// The bound of a dense random matrix is some 150 n u times its largest row sum.
constexpr double usual = 256;
constexpr int most_tries = 4;

// Both eliminations at the same time, each on one thread, in the room m.
void eliminate(std::int64_t n, const double* s, double shift, double* const m[2],
               Signs (&signs)[2]) {
  parallel_for(2, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t side = begin; side < end; ++side) {
      // The upper triangle is all that is read.
      for (std::int64_t i = 0; i < n; ++i)
        std::copy(s + i * n + i, s + (i + 1) * n, m[side] + i * n + i);
      for (std::int64_t i = 0; i < n; ++i) m[side][i * n + i] += side ? shift : -shift;
      signs[side] = signs_by_elimination(n, m[side]);
    }
  });
}

}  // namespace

template <class T>
CertifiedSigns certified_signs(std::int64_t n, const T* a, double tolerance) {
  if (n == 0) return {0, 0, tolerance, 0, true};
  const Numbers s = numbers(n * n);
  const Scaling scaling = scaled_symmetric_part(n, a, s.get());
  if (scaling.zero) return {0, 0, tolerance, 0, true};
  // What S is off by before an elimination sees it, and each shift's own rounding.
  const double row_sum = largest_row_sum(n, s.get());
  const double before = scaling_error(n, scaling, s.get());
  const double t = std::ldexp(tolerance, -scaling.exponent) * (1 + 2 * u);

  const Numbers first = numbers(n * n), second = numbers(n * n);
  double* const m[2] = {first.get(), second.get()};
  double shift = t + before + usual * static_cast<double>(n) * u * row_sum;
  for (int tries = 0; tries < most_tries && shift < 4; ++tries) {
    Signs signs[2];
    eliminate(n, s.get(), shift, m, signs);
    const double error =
        (std::max(signs[0].bound, signs[1].bound) + before + u * (1 + shift)) * (1 + 8 * u);
    if (shift - error >= t) {
      const double band = (shift + error) * (1 + 4 * u);
      return {signs[0].positive, signs[1].negative,
              std::ldexp(band, scaling.exponent) + std::numeric_limits<double>::denorm_min(),
              std::ldexp(error, scaling.exponent) + std::numeric_limits<double>::denorm_min(),
              true};
    }
    shift = t + 2 * error;
  }
  return {};
}

template CertifiedSigns certified_signs(std::int64_t, const float*, double);
template CertifiedSigns certified_signs(std::int64_t, const double*, double);

}  // namespace saddlescape::eig
