// The eigen-solvers as a C++ user sees them, and the Krylov space from inside: its invariant must
// hold after hundreds of restarts, which no result shows by itself.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "core/blas.hpp"
#include "core/parallel.hpp"
#include "core/random.hpp"
#include "eig/certify.hpp"
#include "eig/krylov.hpp"
#include "eig/lanczos.hpp"
#include "eig/ldlt.hpp"
#include "eig/orthogonal.hpp"
#include "eig/signs.hpp"

#ifndef SADDLESCAPE_TEST_BLAS
#define SADDLESCAPE_TEST_BLAS ""
#endif

namespace eig = saddlescape::eig;

namespace {

int failures = 0;

void expect(bool ok, const char* what, double value = 0) {
  if (ok) return;
  std::printf("FAILED %s (%g)\n", what, value);
  ++failures;
}

eig::Operator diagonal(const std::vector<double>& d) {
  return {static_cast<std::int64_t>(d.size()), [&d](std::int64_t k, const double* in, double* out) {
            const std::size_t n = d.size();
            for (std::size_t i = 0; i < static_cast<std::size_t>(k) * n; ++i)
              out[i] = d[i % n] * in[i];
          }};
}

std::vector<double> squares(std::int64_t n) {
  std::vector<double> d(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    const double x = static_cast<double>(i) / static_cast<double>(n - 1);
    d[i] = x * x;
  }
  return d;
}

// max |V V^T - I| over the basis and the next block.
double gram_error(const eig::Krylov& space, std::int64_t n) {
  const std::int64_t rows = space.size() + space.next();
  std::vector<double> gram(static_cast<std::size_t>(rows * rows));
  saddlescape::blas::gemm(saddlescape::blas::Op::none, saddlescape::blas::Op::transpose, rows, rows,
                          n, 1.0, space.vectors(), n, space.vectors(), n, 0.0, gram.data(), rows);
  double worst = 0;
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < rows; ++j)
      worst = std::max(worst, std::abs(gram[i * rows + j] - (i == j ? 1.0 : 0.0)));
  return worst;
}

// The invariant V A = T V + C^T Q by its consequence for Ritz pairs: claimed residual = real one.
double residual_error(const std::vector<double>& d, const eig::Krylov& space) {
  const eig::Ritz ritz = space.ritz();
  const std::int64_t n = static_cast<std::int64_t>(d.size()), j = space.size();
  double worst = 0;
  for (std::int64_t i = 0; i < j; ++i) {
    double squares_sum = 0;
    for (std::int64_t c = 0; c < n; ++c) {
      double x = 0;
      for (std::int64_t l = 0; l < j; ++l) x += ritz.rows[i * j + l] * space.vectors()[l * n + c];
      const double r = (d[c] - ritz.values[i]) * x;
      squares_sum += r * r;
    }
    worst = std::max(worst, std::abs(std::sqrt(squares_sum) - ritz.residuals[i]));
  }
  return worst;
}

void invariant_after_600_restarts(std::int64_t block) {
  const std::vector<double> d = squares(301);
  const eig::Operator op = diagonal(d);
  eig::Krylov space(op, 40, block, 4, 1e-6, 1);
  std::vector<std::int64_t> kept;
  for (int restart = 0; restart < 600; ++restart) {
    while (!space.full()) space.expand();
    kept.clear();
    for (std::int64_t i = 0; i < space.size(); ++i)
      if (i < 8 || i >= space.size() - 8) kept.push_back(i);
    space.keep(space.ritz(), kept);
  }
  while (!space.full()) space.expand();
  // 4e-16 is seen; without polish_rows it is 8e-14 and grows with the restarts.
  expect(gram_error(space, 301) < 3e-15, "orthonormal after 600 restarts", gram_error(space, 301));
  expect(residual_error(d, space) < 1e-13, "invariant after 600 restarts",
         residual_error(d, space));
  expect(space.noise() < 1e-12, "H = C^T", space.noise());
}

void breakdown_reveals_rank() {
  const std::int64_t n = 50;
  std::vector<double> v(static_cast<std::size_t>(4 * n)), c(16);
  saddlescape::Random random(3);
  random.normals(v.data(), n);
  for (std::int64_t i = 0; i < n; ++i) {
    v[n + i] = 2 * v[i];               // dependent
    v[2 * n + i] = i == 0 ? 1 : 0;     // independent
    v[3 * n + i] = i == 1 ? 1e-9 : 0;  // small, but no rounding
  }
  const std::vector<double> before = v;
  const std::int64_t rank =
      eig::orthonormalise_rows(n, v.data(), 0, 4, 2 * eig::norm(n, v.data()), c.data());
  expect(rank == 3, "rank of 4 rows that span 3 dimensions", static_cast<double>(rank));
  double worst = 0;
  for (std::int64_t row = 0; row < 4; ++row)
    for (std::int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (std::int64_t l = 0; l < rank; ++l) sum += c[l * 4 + row] * v[l * n + i];
      worst = std::max(worst, std::abs(sum - before[row * n + i]));
    }
  expect(worst < 1e-13, "C^T Q gives the rows back", worst);
}

// The fused passes against the plain formula in long double, at the edges of lanes, groups of four
// rows, pieces and tiles; and the same bits for any number of threads.
void taken_out_twice(std::int64_t n, std::int64_t j, std::int64_t k) {
  const auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  std::vector<double> v(at(j * n)), b(at(k * n));
  saddlescape::Random random(5);
  random.normals(b.data(), k * n);
  random.normals(v.data(), j * n);
  for (std::int64_t i = 0; i < j; ++i) {
    const double size = eig::norm(n, v.data() + i * n);
    for (std::int64_t c = 0; c < n; ++c) v[i * n + c] /= size;
    if (i > 0 && !eig::orthonormalise_row(n, v.data(), i)) return;
  }
  std::vector<double> first, products;
  const int threads = saddlescape::threads();
  for (int count : {1, 2, 3}) {
    saddlescape::set_threads(count);
    std::vector<double> left = b, h(at(std::max<std::int64_t>(1, j * k)));
    eig::project_out_twice(n, j, v.data(), k, left.data(), h.data());
    if (count == 1) {
      first = left;
      products = h;
    }
    expect(first == left && products == h, "the same bits for any number of threads");
  }
  saddlescape::set_threads(threads);
  double worst = 0, remaining = 0;
  for (std::int64_t i = 0; i < j; ++i)
    for (std::int64_t a = 0; a < k; ++a) {
      long double before = 0, after = 0;
      for (std::int64_t c = 0; c < n; ++c) {
        before += static_cast<long double>(v[i * n + c]) * b[a * n + c];
        after += static_cast<long double>(v[i * n + c]) * first[a * n + c];
      }
      worst = std::max(worst, std::abs(static_cast<double>(before) - products[i * k + a]));
      remaining = std::max(remaining, std::abs(static_cast<double>(after)));
    }
  // Rounding of a sum of n products of vectors of norm 1 and sqrt(n).
  const double size = 1e-15 * std::sqrt(static_cast<double>(n));
  expect(worst < 10 * size, "H = V B^T", worst / size);
  expect(remaining < size, "nothing is left", remaining / size);
}

void both_ends() {
  const std::vector<double> d = squares(500);
  eig::LanczosOptions options;
  options.low = 0;
  options.high = 3;
  const eig::LanczosResult r = eig::lanczos(diagonal(d), options);
  expect(r.outcome == eig::Outcome::converged, "converged");
  for (std::size_t i = 0; i < 3; ++i) {
    expect(std::abs(r.eigenvalues[i] - d[497 + i]) <= r.bounds[i], "eigenvalue", r.eigenvalues[i]);
    expect(r.multiplicities[i] == 1, "alone", static_cast<double>(r.multiplicities[i]));
  }
  expect(r.missing <= 1e-4, "none is missing", r.missing);
  options.start = r.eigenvectors.data();
  options.starts = 3;
  const eig::LanczosResult again = eig::lanczos(diagonal(d), options);
  expect(again.products < r.products, "a start saves products",
         static_cast<double>(again.products));
}

void refusals() {
  const std::vector<double> d = squares(5);
  eig::LanczosOptions options;
  options.tol = 0;
  bool refused = false;
  try {
    eig::lanczos(diagonal(d), options);
  } catch (const std::invalid_argument&) {
    refused = true;
  }
  expect(refused, "tol = 0 is refused");
}

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
  std::vector<double> zero(n * n);
  const eig::Signs none = eig::signs_by_elimination(n, zero.data());
  expect(none.positive == 0 && none.negative == 0, "zeros have no sign");
  expect(none.bound < 1e-290, "and nothing to be off by", none.bound);
  std::vector<double> huge(n * n, 1e300);
  for (std::int64_t i = 0; i < n; ++i) huge[i * n + i] = -1e300;
  expect(!(eig::signs_by_elimination(n, huge.data()).bound < 1e280), "what overflows has no bound");
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
  for (std::int64_t block : {1, 3}) invariant_after_600_restarts(block);
  breakdown_reveals_rank();
  for (std::int64_t n : {1, 7, 8, 9, 511, 512, 513, 1023, 40'001})
    for (std::int64_t j : {0, 1, 3, 4, 5, 17})
      for (std::int64_t k : {1, 3, 5})
        if (j + k <= n) taken_out_twice(n, j, k);
  both_ends();
  refusals();
  bound();
  random_moments();
  if (failures == 0) std::printf("eig: all passed\n");
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
