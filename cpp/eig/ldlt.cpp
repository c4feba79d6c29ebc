#include "eig/ldlt.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/blas.hpp"
#include "core/isa.hpp"
#include "eig/elimination.hpp"

namespace saddlescape::eig {

const EliminationKernels& elimination_kernels() { SADDLESCAPE_ACTIVE(_elimination) }

namespace {

using blas::Op;
using Vector = std::vector<double>;

constexpr double u = 0x1p-53;                 // unit roundoff
constexpr double alpha = 0.6403882032022076;  // (1 + sqrt(17)) / 8: least growth
constexpr std::int64_t panel = 64;            // columns between two products
constexpr std::int64_t tile_rows = 128,
                       tile_columns = 768;  // one call of BLAS, in the second cache

// Columns of L and C lie in rows, as those of the upper triangle of M do. What is eliminated lies
// before first_; rows and columns behind it have changed places.
class Elimination {
 public:
  Elimination(std::int64_t n, double* m)
      : n_(n),
        m_(m),
        sums_(n),
        off_(n),
        e1_(n),
        e2_(n),
        w_(n),
        x_(n),
        L_(panel * n),
        C_(panel * n) {}

  Signs run() {
    add_magnitudes(0, n_, 0, n_);
    while (first_ < n_) {
      filled_ = 0;
      while (first_ < n_ && filled_ + 2 <= panel) pivot();  // room for a pivot of two
      update();
    }
    return {positive_, negative_, bound()};
  }

 private:
  double& at(std::int64_t i, std::int64_t j) { return m_[i * n_ + j]; }
  double* L(std::int64_t k) { return L_.data() + k * n_; }
  double* C(std::int64_t k) { return C_.data() + k * n_; }

  // Adds rows [r, r_end), columns [c, c_end) of the upper triangle to the row sums.
  void add_magnitudes(std::int64_t r, std::int64_t r_end, std::int64_t c, std::int64_t c_end) {
    for (std::int64_t i = r; i < r_end; ++i) {
      const std::int64_t from = std::max(c, i + 1);
      if (c <= i && i < c_end) sums_[i] += std::abs(at(i, i));
      if (from < c_end)
        sums_[i] += kernels_.add_magnitudes(m_ + i * n_ + from, c_end - from, sums_.data() + from);
    }
  }

  // Column j of the Schur complement: what the last panel left, less this one.
  void column(std::int64_t j, Vector& w) {
    for (std::int64_t i = first_; i < j; ++i) w[i] = at(i, j);
    std::copy(m_ + j * n_ + j, m_ + (j + 1) * n_, w.data() + j);
    double own[panel];
    for (std::int64_t k = 0; k < filled_; ++k) own[k] = C(k)[j];
    blas::gemv(Op::transpose, filled_, n_ - first_, -1.0, L_.data() + first_, n_, own, 1.0,
               w.data() + first_);
  }

  // Where w is largest but for element `self`, or -1.
  std::int64_t largest(const Vector& w, std::int64_t self) const {
    const std::int64_t found = kernels_.largest(w.data() + first_, n_ - first_, self - first_);
    return found < 0 ? -1 : first_ + found;
  }

  void pivot() {
    std::int64_t p = first_;
    column(p, w_);
    std::int64_t r = largest(w_, p);
    double beside = r < 0 ? 0 : std::abs(w_[r]);
    while (r >= 0 && !(std::abs(w_[p]) >= alpha * beside)) {
      column(r, x_);
      const std::int64_t next = largest(x_, r);
      const double most = next < 0 ? 0 : std::abs(x_[next]);
      const bool alone = std::abs(x_[r]) >= alpha * most;
      // Each is the largest in the other's column, or as large: a pivot of both.
      if (!alone && (next == p || !(most > beside))) {
        eliminate_two(p, r);
        return;
      }
      p = r;
      w_.swap(x_);
      if (alone) break;
      beside = most;
      r = next;
    }
    eliminate_one(p);
  }

  // Puts column `from` in the place of column `to`, whose own goes there: column `to` is about to
  // be eliminated, and what it holds stands in w_ or x_.
  void exchange(std::int64_t to, std::int64_t from) {
    if (to == from) return;
    for (std::int64_t i = to + 1; i < from; ++i) at(i, from) = at(to, i);
    std::copy(m_ + to * n_ + from + 1, m_ + (to + 1) * n_, m_ + from * n_ + from + 1);
    at(from, from) = at(to, to);
    for (std::int64_t k = 0; k < filled_; ++k) {
      std::swap(L(k)[to], L(k)[from]);
      std::swap(C(k)[to], C(k)[from]);
    }
    for (Vector* each : {&w_, &x_, &sums_, &off_}) std::swap((*each)[to], (*each)[from]);
  }

  void eliminate_one(std::int64_t p) {
    exchange(first_, p);
    const double d = w_[first_];
    positive_ += d > 0;
    negative_ += d < 0;
    const std::int64_t next = first_ + 1;
    kernels_.divide(w_.data() + next, n_ - next, d, L(filled_) + next, C(filled_) + next,
                    e1_.data() + next);
    note(filled_, e1_, next, first_);
    ++filled_;
    first_ = next;
  }

  // Columns p (in w_) and r (in x_) at once.
  void eliminate_two(std::int64_t p, std::int64_t r) {
    exchange(first_, p);
    exchange(first_ + 1, r);
    const double a = w_[first_], b = w_[first_ + 1], c = x_[first_ + 1];
    // |a c| < alpha^2 b^2: an eigenvalue on either side of zero.
    if (std::abs(a) * std::abs(c) < 0.5 * b * b) {
      ++positive_;
      ++negative_;
    }
    const std::int64_t next = first_ + 2;
    double* const l[2] = {L(filled_) + next, L(filled_ + 1) + next};
    double* const kept[2] = {C(filled_) + next, C(filled_ + 1) + next};
    double* const e[2] = {e1_.data() + next, e2_.data() + next};
    kernels_.divide_two(w_.data() + next, x_.data() + next, n_ - next, a, b, c, l, kept, e);
    note(filled_, e1_, next, first_);
    note(filled_ + 1, e2_, next, first_ + 1);
    filled_ += 2;
    first_ = next;
  }

  // Column k's part in the row sums; `self` is its own row.
  void note(std::int64_t k, const Vector& e, std::int64_t from, std::int64_t self) {
    off_[self] += kernels_.note(L(k) + from, C(k) + from, e.data() + from, n_ - from,
                                sums_.data() + from, off_.data() + from);
  }

  // The Schur complement behind the panel, its upper triangle, and the sums of its rows.
  void update() {
    for (std::int64_t r = first_; r < n_; r += tile_rows)
      for (std::int64_t c = r; c < n_; c += tile_columns) {
        const std::int64_t r_end = std::min(r + tile_rows, n_);
        const std::int64_t c_end = std::min(c + tile_columns, n_);
        blas::gemm(Op::transpose, Op::none, r_end - r, c_end - c, filled_, -1.0, C_.data() + r, n_,
                   L_.data() + c, n_, 1.0, m_ + r * n_ + c, n_);
        add_magnitudes(r, r_end, c, c_end);
      }
  }

  double bound() const {
    const double terms = panel + 3, gamma = terms * u / (1 - terms * u);
    double most = 0;
    for (std::int64_t i = 0; i < n_; ++i) {
      const double row = gamma * sums_[i] + off_[i];
      if (!(row <= std::numeric_limits<double>::max()))
        return std::numeric_limits<double>::infinity();
      most = std::max(most, row);
    }
    // The sums are of positive numbers, some 4 n to a row; and what underflowed.
    const double n = static_cast<double>(n_);
    return most * (1 + (8 * n + 64) * u) + n * 0x1p-1000;
  }

  std::int64_t n_;
  double* m_;
  const EliminationKernels& kernels_ = elimination_kernels();
  Vector sums_;                          // row sums of |m| + |l| |c|
  Vector off_;                           // row sums of |l| |e|
  Vector e1_, e2_;                       // |e| of a column
  Vector w_, x_;                         // columns of the Schur complement
  Vector L_, C_;                         // of the panel
  std::int64_t first_ = 0, filled_ = 0;  // eliminated in all, in this panel
  std::int64_t positive_ = 0, negative_ = 0;
};

}  // namespace

Signs signs_by_elimination(std::int64_t n, double* m) { return Elimination(n, m).run(); }

}  // namespace saddlescape::eig
