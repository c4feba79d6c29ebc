#include "cuda/hosted/ldlt.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace saddlescape::cuda::hosted {
namespace {

class Elimination {
 public:
  Elimination(std::int64_t n, double* a) : n_(n), a_(a) {}

  // Column k and, if it says so, the one behind it.
  bool choose(std::int64_t k, std::int64_t& p) {
    const double alpha = (1 + std::sqrt(17.0)) / 8, own = std::abs(A(k, k));
    const std::int64_t r = largest_below(k);
    const double beside = r < n_ ? std::abs(A(r, k)) : 0;
    p = k;
    if (own >= alpha * beside) return false;
    double most = 0;
    for (std::int64_t j = k; j < n_; ++j)
      if (j != r) most = std::max(most, std::abs(j < r ? A(r, j) : A(j, r)));
    if (own >= alpha * beside * (beside / most)) return false;
    p = r;
    return !(std::abs(A(r, r)) >= alpha * most);
  }

  // Rows and columns `to` and `from` of what is left from column k on.
  void exchange(std::int64_t k, std::int64_t to, std::int64_t from) {
    if (to == from) return;
    for (std::int64_t i = from + 1; i < n_; ++i) std::swap(A(i, to), A(i, from));
    for (std::int64_t j = to + 1; j < from; ++j) std::swap(A(j, to), A(from, j));
    std::swap(A(to, to), A(from, from));
    if (to > k) std::swap(A(to, k), A(from, k));
  }

  void eliminate_one(std::int64_t k) {
    if (A(k, k) == 0) return;  // with its column
    const double d = 1 / A(k, k);
    for (std::int64_t j = k + 1; j < n_; ++j)
      for (std::int64_t i = j; i < n_; ++i) A(i, j) -= A(i, k) * (d * A(j, k));
    for (std::int64_t i = k + 1; i < n_; ++i) A(i, k) *= d;
  }

  void eliminate_two(std::int64_t k) {
    const double b = A(k + 1, k), c = A(k + 1, k + 1) / b, a = A(k, k) / b, t = 1 / (a * c - 1) / b;
    for (std::int64_t j = k + 2; j < n_; ++j) {
      const double first = t * (c * A(j, k) - A(j, k + 1)),
                   second = t * (a * A(j, k + 1) - A(j, k));
      for (std::int64_t i = j; i < n_; ++i) A(i, j) -= A(i, k) * first + A(i, k + 1) * second;
      A(j, k) = first;
      A(j, k + 1) = second;
    }
  }

 private:
  double& A(std::int64_t i, std::int64_t j) { return a_[j * n_ + i]; }

  std::int64_t largest_below(std::int64_t k) {
    std::int64_t found = k + 1;
    for (std::int64_t i = k + 2; i < n_; ++i)
      if (std::abs(A(i, k)) > std::abs(A(found, k))) found = i;
    return found;
  }

  std::int64_t n_;
  double* a_;
};

}  // namespace

void ldlt(std::int64_t n, double* a, int* pivots) {
  Elimination elimination(n, a);
  for (std::int64_t k = 0; k < n;) {
    std::int64_t p = k;
    const bool two = elimination.choose(k, p);
    elimination.exchange(k, two ? k + 1 : k, p);
    const int place = static_cast<int>(p) + 1;
    if (two) {
      pivots[k] = pivots[k + 1] = -place;
      elimination.eliminate_two(k);
      k += 2;
    } else {
      pivots[k] = place;
      elimination.eliminate_one(k);
      ++k;
    }
  }
}

}  // namespace saddlescape::cuda::hosted
