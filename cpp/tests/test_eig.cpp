// Bounds and certified signs of dense matrices as a C++ user gets them, and the moments of the
// random numbers that the solvers start with.
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/random.hpp"
#include "eig/certify.hpp"
#include "eig/ldlt.hpp"
#include "eig/signs.hpp"
#include "eig_samples.hpp"

namespace eig = saddlescape::eig;

namespace {

void bound() {
  const std::int64_t n = 65;
  std::vector<double> a(static_cast<std::size_t>(n * n)), w(static_cast<std::size_t>(n)), v(a);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j) a[i * n + j] = static_cast<double>(std::min(i, j) + 1);
  const double error = eig::certified_eigenpairs(n, a.data(), w.data(), v.data());
  // min(i, j): lambda = 1 / (4 sin^2((2k - 1) pi / (4n + 2)))
  for (std::int64_t k = 1; k <= n; ++k) {
    const double s = std::sin((2.0 * static_cast<double>(k) - 1) * 3.141592653589793 /
                              (4.0 * static_cast<double>(n) + 2));
    expect(std::abs(w[n - k] - 1 / (4 * s * s)) <= error, "bound of min(i, j)", error);
  }
  expect(error < 1e-11 * w[n - 1], "bound is not absurd", error);
}

void random_moments() {
  const std::int64_t n = 200000;
  std::vector<double> x(static_cast<std::size_t>(n));
  saddlescape::Random random(0);
  random.normals(x.data(), n);
  double mean = 0, square = 0, fourth = 0;
  for (double value : x) {
    mean += value;
    square += value * value;
    fourth += value * value * value * value;
  }
  const double count = static_cast<double>(n);
  // Five standard errors: 1, sqrt 2 and sqrt 96 over sqrt n.
  const double error = 5 / std::sqrt(count);
  expect(std::abs(mean / count) < error, "mean of normals", mean / count);
  expect(std::abs(square / count - 1) < error * 1.42, "variance of normals", square / count);
  expect(std::abs(fourth / count - 3) < error * 9.8, "kurtosis of normals", fourth / count);
}

// Clement's matrix has the eigenvalues n - 1, n - 3, ... 1 - n and a zero diagonal: every pivot is
// one of two, across panels and tiles.
std::vector<double> clement(std::int64_t n) {
  std::vector<double> a(static_cast<std::size_t>(n * n));
  for (std::int64_t i = 1; i < n; ++i)
    a[(i - 1) * n + i] = a[i * n + i - 1] = std::sqrt(static_cast<double>(i * (n - i)));
  return a;
}

void signs_at_the_edges_of_panels_and_tiles() {
  for (std::int64_t n : {1, 2, 3, 5, 61, 62, 63, 64, 65, 66, 127, 128, 129, 255, 256, 257, 700}) {
    const std::vector<double> a = clement(n);
    const eig::CertifiedSigns signs = eig::certified_signs(n, a.data(), 0.0);
    expect(signs.found, "a bound is found", static_cast<double>(n));
    expect(signs.positive == n / 2 && signs.negative == n / 2, "the signs of Clement's matrix",
           static_cast<double>(n));
    expect(signs.band < 1e-8 * static_cast<double>(n), "a narrow band", signs.band);
    // Half of the eigenvalues that are left lie beyond n / 2.
    const eig::CertifiedSigns few = eig::certified_signs(n, a.data(), static_cast<double>(n) / 2);
    std::int64_t beyond = 0;
    for (std::int64_t value = n - 1; 2 * value > n; value -= 2) ++beyond;
    expect(few.positive == beyond && few.negative == beyond, "beyond a tolerance",
           static_cast<double>(n));
  }
}

// What the bound is for: a matrix that differs from M by less has the same signs beyond it.
void elimination_of_strange_matrices() {
  const std::int64_t n = 130;
  std::vector<double> zero(n * n), magnitudes(n);
  const auto signs = [&](std::vector<double>& m) {
    return eig::signs_by_elimination({m.data(), n, false}, magnitudes.data());
  };
  const eig::Signs none = signs(zero);
  expect(none.positive == 0 && none.negative == 0, "zeros have no sign");
  expect(none.bound < 1e-290, "and nothing to be off by", none.bound);
  std::vector<double> huge(n * n, 1e300);
  for (std::int64_t i = 0; i < n; ++i) huge[i * n + i] = -1e300;
  std::fill(magnitudes.begin(), magnitudes.end(), 1e300 * n);
  expect(!(signs(huge).bound < 1e280), "what overflows has no bound");
  const double large = 1e308;
  std::vector<double> overflowing = {large, large, large, -large};
  const eig::CertifiedSigns scaled = eig::certified_signs(2, overflowing.data(), 0.0);
  expect(scaled.found && scaled.positive == 1 && scaled.negative == 1, "scaled it has its signs");
}

}  // namespace

int main() {
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
  signs_at_the_edges_of_panels_and_tiles();
  elimination_of_strange_matrices();
  bound();
  random_moments();
  return summary("eig");
}
