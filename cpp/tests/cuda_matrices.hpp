// What the tests of the dense solvers on the device share: matrices of a given spectrum, and what a
// call is refused with.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/random.hpp"
#include "cuda/device.hpp"
#include "tests/eig_samples.hpp"

namespace saddlescape::cuda_matrices {

using Vector = std::vector<double>;

inline const cuda::Stream stream;
constexpr double eps = std::numeric_limits<double>::epsilon();

inline std::size_t size_of(std::int64_t n) { return static_cast<std::size_t>(n); }

// H D H with a reflector H: the spectrum d, and no zero anywhere.
inline Vector with_spectrum(const Vector& d) {
  const auto n = static_cast<std::int64_t>(d.size());
  Vector v(d.size()), a(size_of(n * n));
  Random random(7);
  random.normals(v.data(), n);
  double squares = 0, middle = 0;
  for (double x : v) squares += x * x;
  for (double& x : v) x *= std::sqrt(2 / squares);  // H = I - v v^T
  for (std::int64_t k = 0; k < n; ++k) middle += d[k] * v[k] * v[k];
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j <= i; ++j)
      a[i * n + j] = a[j * n + i] =
          (i == j ? d[i] : 0) - v[i] * v[j] * (d[i] + d[j]) + middle * v[i] * v[j];
  return a;
}

inline Vector filled(std::int64_t n, double (*of)(double i, double n)) {
  Vector d(size_of(n));
  for (std::int64_t i = 0; i < n; ++i) d[i] = of(static_cast<double>(i), static_cast<double>(n));
  return d;
}

template <class Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

inline void refused(const char* what, const std::string& said, const std::string& wanted) {
  expect(said.find(wanted) != std::string::npos, (what + (": \"" + said + "\"")).c_str());
}

}  // namespace saddlescape::cuda_matrices
