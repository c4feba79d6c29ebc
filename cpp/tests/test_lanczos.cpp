// The Krylov space from inside: its invariant must hold after hundreds of restarts, which no result
// shows by itself; and Lanczos as a C++ user sees it.
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/parallel.hpp"
#include "core/random.hpp"
#include "eig/krylov.hpp"
#include "eig/lanczos.hpp"
#include "eig/orthogonal.hpp"
#include "eig/pairs.hpp"
#include "eig/vectors.hpp"
#include "eig_samples.hpp"

namespace eig = saddlescape::eig;

namespace {

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
  const eig::HostVectors on(n);
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
      eig::orthonormalise_rows(on, v.data(), 0, 4, 2 * eig::norm(on, v.data()), c.data());
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
  const eig::HostVectors on(n);
  std::vector<double> v(at(j * n)), b(at(k * n));
  saddlescape::Random random(5);
  random.normals(b.data(), k * n);
  random.normals(v.data(), j * n);
  for (std::int64_t i = 0; i < j; ++i) {
    const double size = eig::norm(on, v.data() + i * n);
    for (std::int64_t c = 0; c < n; ++c) v[i * n + c] /= size;
    if (i > 0 && !eig::orthonormalise_row(on, v.data(), i)) return;
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

// Kato and Temple on two by two matrices: (a, b; b, c), the pair (a, e_1) has the residual |b|.
void bounds_of_pairs() {
  for (double b : {0.5, 1e-3, 1e-6}) {
    const double a = 0, c = 1;
    const double gap = c - a, distance = b * b / (gap / 2 + std::hypot(gap / 2, b));
    const std::vector<double> bound = eig::bounds({b}, {gap}, 1e-17);
    expect(distance <= bound[0], "Kato and Temple", distance / bound[0]);
    expect(bound[0] <= 1.21 * distance + 1e-17, "and they are sharp", distance / bound[0]);
  }
  expect(eig::bounds({1e-3}, {0.0}, 0.25)[0] == 1e-3 + 0.25, "without a gap the residual");
  expect(eig::bounds({0.0}, {1.0}, 0.25)[0] == 0.25, "rounding remains");
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

}  // namespace

int main() {
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
  for (std::int64_t block : {1, 3}) invariant_after_600_restarts(block);
  breakdown_reveals_rank();
  for (std::int64_t n : {1, 7, 8, 9, 511, 512, 513, 1023, 40'001})
    for (std::int64_t j : {0, 1, 3, 4, 5, 17})
      for (std::int64_t k : {1, 3, 5})
        if (j + k <= n) taken_out_twice(n, j, k);
  both_ends();
  bounds_of_pairs();
  refusals();
  return summary("lanczos");
}
