// The stages from a dense matrix to eigenvalues one by one, and threads that chase one another down
// the band, for the thread sanitizer to look at.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "core/blas.hpp"
#include "core/isa.hpp"
#include "core/memory.hpp"
#include "core/parallel.hpp"
#include "core/random.hpp"
#include "eig/band.hpp"
#include "eig/bulge.hpp"
#include "eig/certified_values.hpp"
#include "eig/dense.hpp"
#include "eig/ends.hpp"
#include "eig/panel.hpp"
#include "eig/sturm.hpp"
#include "eig/tridiagonal.hpp"

#ifndef SADDLESCAPE_TEST_BLAS
#define SADDLESCAPE_TEST_BLAS ""
#endif

namespace eig = saddlescape::eig;

namespace {

using Vector = std::vector<double>;

int failures = 0;

void expect(bool ok, const char* what, std::int64_t n, double value = 0) {
  if (ok) return;
  std::printf("FAILED %s, n = %lld (%g)\n", what, static_cast<long long>(n), value);
  ++failures;
}

Vector random_numbers(std::int64_t count, std::uint64_t seed) {
  Vector x(static_cast<std::size_t>(count));
  saddlescape::Random random(seed);
  for (double& each : x) each = 2 * random.uniform() - 1;
  return x;
}

Vector symmetric(std::int64_t n) {
  Vector a = random_numbers(n * n, static_cast<std::uint64_t>(n));
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < i; ++j) a[i * n + j] = a[j * n + i];
  return a;
}

// Sums of the eigenvalues and of their squares: what no orthogonal transformation changes.
void expect_invariants(const Vector& a, std::int64_t n, const Vector& d, const Vector& e,
                       const char* what) {
  long double trace = 0, squares = 0, t_trace = 0, t_squares = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    trace += a[i * n + i];
    for (std::int64_t j = 0; j < n; ++j)
      squares += static_cast<long double>(a[i * n + j]) * a[i * n + j];
    t_trace += d[i];
    t_squares += static_cast<long double>(d[i]) * d[i];
    if (i + 1 < n) t_squares += 2 * static_cast<long double>(e[i]) * e[i];
  }
  const double allowed = 1e-15 * std::sqrt(static_cast<double>(n)) * 10;
  const double norm = std::sqrt(static_cast<double>(squares));
  expect(std::abs(static_cast<double>(trace - t_trace)) <= allowed * norm, what, n,
         static_cast<double>(trace - t_trace));
  expect(std::abs(static_cast<double>(squares - t_squares)) <= allowed * norm * norm, what, n,
         static_cast<double>((squares - t_squares) / squares));
}

struct Tridiagonal {
  Vector d, e;
};

Tridiagonal reduced(const Vector& a, std::int64_t n) {
  Vector s = a;
  Tridiagonal t{Vector(static_cast<std::size_t>(n)), Vector(static_cast<std::size_t>(n))};
  eig::tridiagonalize(n, s.data(), t.d.data(), t.e.data());
  return t;
}

void test_reduction() {
  for (std::int64_t n : {1, 2, 3, 5, 20, 33, 63, 64, 65, 66, 67, 127, 128, 129, 130, 200, 321}) {
    const Vector a = symmetric(n);
    const Tridiagonal t = reduced(a, n);
    expect_invariants(a, n, t.d, t.e, "trace and norm of T");
    Vector w(static_cast<std::size_t>(n)), s = a, lapack(static_cast<std::size_t>(n));
    const double bound = eig::tridiagonal_eigenvalues(n, t.d.data(), t.e.data(), w.data());
    saddlescape::blas::eigh(n, s.data(), lapack.data(), false);
    double worst = 0;
    for (std::int64_t i = 0; i < n; ++i) worst = std::max(worst, std::abs(w[i] - lapack[i]));
    expect(worst <= 60 * 0x1p-52 * std::sqrt(static_cast<double>(n)), "values as LAPACK's", n,
           worst);
    expect(bound > 0 || n == 1, "a bound of bisection", n, bound);
    expect(bound <= 100 * 0x1p-53 * static_cast<double>(n), "a bound of bisection", n, bound);
    const double certified = eig::certified_eigenvalues(n, a.data(), w.data());
    expect(worst <= certified, "the bound of all", n, certified);
  }
}

// Tall, square, wide and degenerate panels: Q = I - V T V^T is orthogonal, and Q R = P.
void test_panels() {
  for (std::int64_t m : {1, 2, 7, 8, 9, 63, 64, 65, 200})
    for (int kind = 0; kind < 3; ++kind) {
      const std::int64_t w = eig::bandwidth;
      Vector p = random_numbers(m * w, static_cast<std::uint64_t>(m));
      if (kind == 1) std::fill(p.begin(), p.end(), 0.0);
      if (kind == 2)  // every other column is the one before
        for (std::int64_t c = 1; c < w; c += 2)
          std::copy(p.begin() + (c - 1) * m, p.begin() + c * m, p.begin() + c * m);
      Vector r = p, v(static_cast<std::size_t>(m * w), 0.0), t(static_cast<std::size_t>(w * w));
      const eig::Panel panel{m, w, r.data(), m, v.data(), m, t.data()};
      eig::factor(panel);
      const std::int64_t k = panel.reflectors();
      double worst = 0;
      for (std::int64_t c = 0; c < w; ++c) {  // P - V T^T V^T P, column by column
        Vector x(p.begin() + c * m, p.begin() + (c + 1) * m), vx(static_cast<std::size_t>(k));
        for (std::int64_t i = 0; i < k; ++i)
          for (std::int64_t l = 0; l < m; ++l) vx[i] += v[i * m + l] * p[c * m + l];
        for (std::int64_t i = 0; i < k; ++i) {
          double tvx = 0;
          for (std::int64_t l = 0; l < k; ++l) tvx += t[l * w + i] * vx[l];
          for (std::int64_t l = 0; l < m; ++l) x[l] -= tvx * v[i * m + l];
        }
        for (std::int64_t l = 0; l < m; ++l)
          worst = std::max(worst, std::abs(x[l] - (l <= c ? r[c * m + l] : 0)));
      }
      expect(worst <= 1e-14 * static_cast<double>(m), "Q^T P = R", m, worst);
    }
}

void test_counts() {
  // tridiag(1, 2, 1): 2 + 2 cos(k pi / (n + 1))
  for (std::int64_t n : {1, 2, 3, 8, 31, 32, 33, 200}) {
    const Vector d(static_cast<std::size_t>(n), 2.0), e(static_cast<std::size_t>(n), 1.0);
    Vector x;
    for (std::int64_t k = n; k >= 1; --k)
      x.push_back(2 + 2 * std::cos(3.141592653589793 * static_cast<double>(k) /
                                   static_cast<double>(n + 1)));
    Vector w(static_cast<std::size_t>(n));
    const double bound = eig::tridiagonal_eigenvalues(n, d.data(), e.data(), w.data());
    for (std::int64_t i = 0; i < n; ++i)
      expect(std::abs(w[i] - x[i]) <= bound + 1e-15, "closed form", n, w[i] - x[i]);
    for (double& each : x) each += 1e-12;
    std::vector<std::int64_t> below(static_cast<std::size_t>(n));
    eig::count_below(n, d.data(), e.data(), n, x.data(), below.data());
    for (std::int64_t i = 0; i < n; ++i)
      expect(below[i] == i + 1, "count", n, static_cast<double>(below[i]));
  }
}

void test_the_same_bits() {
  const std::int64_t n = 1100;  // beyond where threads chase one another
  eig::Band filled(n);
  const Vector x = random_numbers(n * (eig::bandwidth + 1), 7);
  Tridiagonal first;
  const auto chase = [&](const char* what) {
    eig::Band band(n);
    for (std::int64_t j = 0, k = 0; j < n; ++j)
      for (std::int64_t i = j; i < std::min(n, j + eig::bandwidth + 1); ++i) band.at(i, j) = x[k++];
    Tridiagonal t{Vector(static_cast<std::size_t>(n)), Vector(static_cast<std::size_t>(n))};
    eig::tridiagonal_of_band(band, t.d.data(), t.e.data(), nullptr);
    if (first.d.empty()) first = t;
    expect(first.d == t.d && first.e == t.e, what, n);
  };
  for (int threads : {1, 2, 3, 7}) {
    saddlescape::set_threads(threads);
    chase("the same bits for every number of threads");
  }
  saddlescape::set_threads(2);
  // Within somebody's loop everything runs on one thread, and nobody waits.
  saddlescape::parallel_for(2, 1, [&](std::int64_t begin, std::int64_t) {
    if (begin == 0) chase("the same bits within a loop");
  });
  for (saddlescape::isa::Isa isa : saddlescape::isa::available()) {
    saddlescape::isa::force(saddlescape::isa::name(isa));
    chase("the same bits for every instruction set");
  }
}

void test_ends() {
  for (std::int64_t n : {1, 2, 65, 200}) {
    const Vector a = symmetric(n);
    const std::int64_t low = n / 2, high = std::min<std::int64_t>(3, n - low), k = low + high;
    Vector w(static_cast<std::size_t>(k)), rows(static_cast<std::size_t>(k * n));
    eig::end_pairs(n, a.data(), low, high, w.data(), rows.data());
    double worst = 0;
    for (std::int64_t i = 0; i < k; ++i)
      for (std::int64_t r = 0; r < n; ++r) {
        double sum = -w[i] * rows[i * n + r];
        for (std::int64_t c = 0; c < n; ++c) sum += a[r * n + c] * rows[i * n + c];
        worst = std::max(worst, std::abs(sum));
      }
    expect(worst <= 60 * 0x1p-52 * static_cast<double>(n), "residual", n, worst);
  }
}

}  // namespace

int main() {
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
  test_panels();
  test_reduction();
  test_counts();
  test_the_same_bits();
  test_ends();
  std::printf(failures ? "%d failures\n" : "ok\n", failures);
  return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
