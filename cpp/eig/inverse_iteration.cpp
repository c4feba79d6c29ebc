#include "eig/inverse_iteration.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/random.hpp"
#include "core/reduce.hpp"

namespace saddlescape::eig {
namespace {

using Vector = std::vector<double>;

constexpr double u = 0x1p-53;
constexpr double of_one_group = 1e-3;  // of ||T||, between neighbours
constexpr int rounds = 4;  // the first one makes a vector, another one makes it good: two to spare

// P (T - lambda I) = L U, rows of L and U overwriting one another as in LAPACK's dgttrf.
class Elimination {
 public:
  Elimination(std::int64_t n, const double* d, const double* e, double lambda, double least)
      : n_(n), under_(e, e + n - 1), d_(d, d + n), over_(e, e + n - 1), second_(n), swapped_(n) {
    for (double& each : d_) each -= lambda;
    for (std::int64_t i = 0; i + 1 < n; ++i) eliminate(i);
    // lambda is an eigenvalue: a pivot that is nothing is one that rounding has spared.
    for (double& each : d_)
      if (std::abs(each) < least) each = std::copysign(least, each);
  }

  void solve(double* x) const {
    for (std::int64_t i = 0; i + 1 < n_; ++i) {
      if (swapped_[i]) std::swap(x[i], x[i + 1]);
      x[i + 1] -= under_[i] * x[i];
    }
    for (std::int64_t i = n_ - 1; i >= 0; --i) {
      if (i + 1 < n_) x[i] -= over_[i] * x[i + 1];
      if (i + 2 < n_) x[i] -= second_[i] * x[i + 2];
      x[i] /= d_[i];
    }
  }

 private:
  void eliminate(std::int64_t i) {
    swapped_[i] = std::abs(d_[i]) < std::abs(under_[i]);
    if (!swapped_[i]) {
      under_[i] = d_[i] == 0 ? 0 : under_[i] / d_[i];
      d_[i + 1] -= under_[i] * over_[i];
      return;
    }
    const double factor = d_[i] / under_[i];
    d_[i] = under_[i];
    under_[i] = factor;
    const double next = d_[i + 1];
    d_[i + 1] = over_[i] - factor * next;
    over_[i] = next;
    if (i + 2 < n_) {
      second_[i] = over_[i + 1];
      over_[i + 1] = -factor * second_[i];
    }
  }

  std::int64_t n_;
  Vector under_, d_, over_, second_;
  std::vector<char> swapped_;
};

void normalize(std::int64_t n, double* x) {
  double most = 0;
  for (std::int64_t i = 0; i < n; ++i) most = std::max(most, std::abs(x[i]));
  for (std::int64_t i = 0; i < n; ++i) x[i] /= most;
  const double norm = std::sqrt(reduce::sum_squares(x, n));
  for (std::int64_t i = 0; i < n; ++i) x[i] /= norm;
}

// x less its part in rows [begin, end), twice.
void orthogonalize(std::int64_t n, const double* rows, std::int64_t stride, std::int64_t begin,
                   std::int64_t end, double* x) {
  for (int pass = 0; pass < 2; ++pass)
    for (std::int64_t i = begin; i < end; ++i) {
      const double part = reduce::dot(rows + i * stride, x, n);
      for (std::int64_t j = 0; j < n; ++j) x[j] -= part * rows[i * stride + j];
    }
}

}  // namespace

void tridiagonal_vectors(std::int64_t n, const double* d, const double* e, std::int64_t k,
                         const double* w, double* rows, std::int64_t stride) {
  double norm = 0;  // of T, its largest column sum
  for (std::int64_t i = 0; i < n; ++i)
    norm = std::max(
        norm, std::abs(d[i]) + (i > 0 ? std::abs(e[i - 1]) : 0) + (i + 1 < n ? std::abs(e[i]) : 0));
  if (norm == 0) norm = 1;
  for (std::int64_t i = 0, group = 0; i < k; ++i) {
    if (i > 0 && w[i] - w[i - 1] > of_one_group * norm) group = i;
    double* const x = rows + i * stride;
    const Elimination elimination(n, d, e, w[i], u * norm);
    Random(static_cast<std::uint64_t>(i)).normals(x, n);
    for (int round = 0; round < rounds; ++round) {
      elimination.solve(x);
      normalize(n, x);
      orthogonalize(n, rows, stride, group, i, x);
      normalize(n, x);
    }
  }
}

}  // namespace saddlescape::eig
