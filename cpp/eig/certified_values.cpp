#include "eig/certified_values.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "core/memory.hpp"
#include "eig/certify.hpp"
#include "eig/dense.hpp"
#include "eig/sturm.hpp"
#include "eig/tridiagonal.hpp"

namespace saddlescape::eig {

template <class T>
double certified_eigenvalues(std::int64_t n, const T* a, double* w) {
  if (n == 0) return 0;
  const Numbers s = numbers(n * n);
  const Scaling scaling = scaled_symmetric_part(n, a, s.get());
  double bound = scaling_error(n, scaling, s.get());
  std::vector<double> d(n), e(n);
  bound += certified_tridiagonalize(n, s.get(), d.data(), e.data());
  bound += tridiagonal_eigenvalues(n, d.data(), e.data(), w);
  if (scaling.zero) return 0;  // S = 0 passes unchanged
  unscale(n, scaling.exponent, w);
  // The additions here; and subnormal results are rounded to a multiple of the smallest one.
  return std::ldexp(bound * (1 + 0x1p-40), scaling.exponent) +
         2 * std::numeric_limits<double>::denorm_min();
}

template double certified_eigenvalues(std::int64_t, const float*, double*);
template double certified_eigenvalues(std::int64_t, const double*, double*);

}  // namespace saddlescape::eig
