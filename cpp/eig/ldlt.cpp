#include "eig/ldlt.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/isa.hpp"
#include "core/memory.hpp"
#include "eig/elimination.hpp"
#include "eig/elimination_update.hpp"

namespace saddlescape::eig {

const EliminationKernels& elimination_kernels() { SADDLESCAPE_ACTIVE(_elimination) }

namespace {

using Vector = std::vector<double>;

constexpr double u = 0x1p-53;  // unit roundoff
// A pivot of one if it is so large a part of its column: |l| <= 1 / alpha; else one of two has
// |l| <= 1 / (1 - alpha).
constexpr double alpha = 0.5;
constexpr std::int64_t window = 64;  // columns among which a pivot is looked for
constexpr std::int64_t least_window = 32;
// How often something may be subtracted from a column before it is a pivot's: once for each time
// that the window is filled, and at the end.
constexpr std::int64_t calls = panel / (window - least_window) + 2;

std::int64_t rounded_up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }

// What is eliminated lies before first_; rows and columns behind it have changed places. The
// columns at the places [first_, cached_) of the Schur complement lie in slots, up to date but for
// the columns of the panel from applied_ on.
class Elimination {
 public:
  Elimination(const Triangle& m, const double* magnitudes, const Factors* factors)
      : n_(m.n),
        padded_(rounded_up(n_, slice)),
        m_(m),
        factors_(factors),
        sums_(magnitudes, magnitudes + n_),
        off_(n_),
        l1_(padded_),
        l2_(padded_),
        e1_(n_),
        e2_(n_),
        w_(padded_),
        x_(padded_),
        spare_(padded_),
        diagonal_(n_),
        room_(numbers((2 * panel + window) * padded_ + room_of_row_sums(n_))),
        L_(room_.get()),
        C_(L_ + panel * padded_),
        row_sums_(C_ + (panel + window) * padded_) {
    sums_.resize(padded_);
    // What pads a slice is multiplied too.
    std::fill(L_, row_sums_, 0.0);
    for (std::int64_t i = 0; i < window; ++i) slot_[i] = C_ + (panel + i) * padded_;
    if (factors_)
      for (std::int64_t i = 0; i < n_; ++i) factors_->order[i] = i;
  }

  Signs run() {
    while (first_ < n_) {
      filled_ = applied_ = 0;
      start_ = cached_ = first_;
      while (first_ < n_ && filled_ + 2 <= panel) pivot();  // room for a pivot of two
      if (factors_) hand_over();
      subtract_panel(m_, first_, filled_, C_, L_, sums_.data(), row_sums_);
    }
    return {positive_, negative_, bound()};
  }

 private:
  double& L(std::int64_t k, std::int64_t i) { return L_[slice_at(i) + k * slice]; }
  double& C(std::int64_t k, std::int64_t i) { return C_[strip_at(i) + k * strip]; }
  double* slot(std::int64_t place) { return slot_[place - first_]; }

  // Subtracts what columns [from, filled_) of the panel do to the cached columns [j, end).
  void apply(std::int64_t j, std::int64_t end, std::int64_t from) {
    if (from == filled_) return;
    const std::int64_t s = first_ / slice, count = filled_ - from;
    for (; j < end; j += strip) {
      double own[panel * strip] = {};
      double* rows[strip];
      for (std::int64_t r = 0; r < strip; ++r) {
        rows[r] = (j + r < end ? slot(j + r) : spare_.data()) + s * slice;
        for (std::int64_t k = 0; j + r < end && k < count; ++k)
          own[k * strip + r] = C(from + k, j + r);
      }
      kernels_.subtract_strip(own, L_ + s * slice * panel + from * slice, count,
                              padded_ / slice - s, rows, rows, nullptr, nullptr);
    }
  }

  void fill_window() {
    const std::int64_t end = std::min(n_, first_ + window);
    for (std::int64_t j = cached_; j < end; ++j)
      std::copy(m_.row(j) + j, m_.row(j) + n_, slot(j) + j);
    for (std::int64_t i = first_; i < end; ++i)
      for (std::int64_t j = std::max(i + 1, cached_); j < end; ++j) slot(j)[i] = m_.row(i)[j];
    apply(first_, cached_, applied_);
    apply(cached_, end, 0);
    cached_ = end;
    applied_ = filled_;
    for (std::int64_t j = first_; j < cached_; ++j) diagonal_[j] = slot(j)[j];
  }

  // Column j of the Schur complement: what the last panel left, less this one.
  void column(std::int64_t j, Vector& w) {
    std::int64_t from = 0;
    if (j < cached_) {
      from = applied_;
      std::copy(slot(j) + first_, slot(j) + n_, w.data() + first_);
    } else {
      for (std::int64_t i = first_; i < j; ++i) w[i] = m_.row(i)[j];
      std::copy(m_.row(j) + j, m_.row(j) + n_, w.data() + j);
    }
    double own[panel];
    for (std::int64_t k = from; k < filled_; ++k) own[k] = C(k, j);
    const std::int64_t s = first_ / slice;
    kernels_.subtract(own + from, L_ + s * slice * panel + from * slice, filled_ - from,
                      padded_ / slice - s, w.data() + s * slice);
  }

  // Where w is largest but for element `self`, or -1.
  std::int64_t largest(const Vector& w, std::int64_t self) const {
    const std::int64_t found = kernels_.largest(w.data() + first_, n_ - first_, self - first_);
    return found < 0 ? -1 : first_ + found;
  }

  void pivot() {
    if (cached_ - first_ < least_window && cached_ < n_) fill_window();
    std::int64_t p = first_;
    for (std::int64_t j = first_; j < cached_; ++j)
      if (std::abs(diagonal_[j]) > std::abs(diagonal_[p])) p = j;
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
    for (std::int64_t i = to + 1; i < from; ++i) m_.row(i)[from] = m_.row(to)[i];
    std::copy(m_.row(to) + from + 1, m_.row(to) + n_, m_.row(from) + from + 1);
    m_.row(from)[from] = m_.row(to)[to];
    for (std::int64_t k = 0; k < filled_; ++k) {
      std::swap(L(k, to), L(k, from));
      std::swap(C(k, to), C(k, from));
    }
    if (from < cached_) std::swap(slot_[to - first_], slot_[from - first_]);
    for (std::int64_t j = first_; j < cached_; ++j) std::swap(slot(j)[to], slot(j)[from]);
    for (Vector* each : {&w_, &x_, &sums_, &off_, &diagonal_})
      std::swap((*each)[to], (*each)[from]);
    if (!factors_) return;
    std::swap(factors_->order[to], factors_->order[from]);
    std::swap_ranges(factors_->L + to * n_, factors_->L + to * n_ + start_,
                     factors_->L + from * n_);
  }

  void eliminate_one(std::int64_t p) {
    exchange(first_, p);
    const double d = w_[first_];
    positive_ += d > 0;
    negative_ += d < 0;
    if (factors_) factors_->d[first_] = d;
    const std::int64_t next = first_ + 1;
    kernels_.divide(w_.data() + next, n_ - next, d, l1_.data() + next);
    sums_[first_] += keep(w_, l1_, next);
    advance(1);
  }

  // Columns p (in w_) and r (in x_) at once.
  void eliminate_two(std::int64_t p, std::int64_t r) {
    exchange(first_, p);
    // Where the first exchange has put column r.
    exchange(first_ + 1, r == first_ ? p : r);
    const double a = w_[first_], b = w_[first_ + 1], c = x_[first_ + 1];
    // |a c| < alpha^2 b^2: an eigenvalue on either side of zero.
    if (std::abs(a / b) * std::abs(c / b) < 0.5) {
      ++positive_;
      ++negative_;
    }
    if (factors_) {
      factors_->d[first_] = a;
      factors_->d[first_ + 1] = c;
      factors_->e[first_] = b;
    }
    const std::int64_t next = first_ + 2;
    double* const l[2] = {l1_.data() + next, l2_.data() + next};
    double* const e[2] = {e1_.data() + next, e2_.data() + next};
    kernels_.divide_two(w_.data() + next, x_.data() + next, n_ - next, a, b, c, l, e);
    keep(w_, l1_, next);
    keep_error(l1_, e1_, next, first_);
    ++filled_;
    keep(x_, l2_, next);
    keep_error(l2_, e2_, next, first_ + 1);
    --filled_;
    advance(2);
  }

  // Column filled_ of L and C and its part in the row sums; returns the sum of |c|.
  double keep(const Vector& c, const Vector& l, std::int64_t from) {
    kernels_.keep(c.data(), from, n_, C_ + filled_ * strip);
    kernels_.keep_slices(l.data(), from, n_, L_ + filled_ * slice);
    for (std::int64_t i = from; i < cached_; ++i) diagonal_[i] -= l[i] * c[i];
    return kernels_.note(l.data() + from, c.data() + from, n_ - from, sums_.data() + from);
  }

  void keep_error(const Vector& l, const Vector& e, std::int64_t from, std::int64_t self) {
    off_[self] += kernels_.note(l.data() + from, e.data() + from, n_ - from, off_.data() + from);
  }

  // `count` columns are eliminated, and their slots free.
  void advance(std::int64_t count) {
    std::rotate(slot_, slot_ + count, slot_ + window);
    filled_ += count;
    first_ += count;
    cached_ = std::max(cached_, first_);
  }

  // The panel's rows of L, to who wants to see them.
  void hand_over() {
    for (std::int64_t i = start_ + 1; i < n_; ++i)
      for (std::int64_t k = 0; k < std::min(filled_, i - start_); ++k)
        if (start_ + k + 1 != i || factors_->e[start_ + k] == 0)
          factors_->L[i * n_ + start_ + k] = L(k, i);
  }

  double bound() const {
    constexpr std::int64_t roundings = chain + calls + panel / chain + 3;
    const double terms = static_cast<double>(roundings), gamma = terms * u / (1 - terms * u);
    double most = 0;
    for (std::int64_t i = 0; i < n_; ++i) {
      const double row = gamma * sums_[i] + off_[i];
      if (!(row <= std::numeric_limits<double>::max()))
        return std::numeric_limits<double>::infinity();
      most = std::max(most, row);
    }
    // The sums are of positive numbers, at most n to a row for each column; and what underflowed.
    const double n = static_cast<double>(n_);
    return most * (1 + (n * n + 8 * n + 64) * u) + n * 0x1p-1000;
  }

  std::int64_t n_, padded_;  // to whole slices
  Triangle m_;
  const Factors* factors_;
  const EliminationKernels& kernels_ = elimination_kernels();
  Vector sums_;               // row sums of |m| + |l| |c|
  Vector off_;                // row sums of |l| |e|
  Vector l1_, l2_, e1_, e2_;  // l and |e| of a column
  Vector w_, x_;              // columns of the Schur complement
  Vector spare_;              // for what nobody wants
  Vector diagonal_;           // of the columns in slots
  Numbers room_;              // of the panel, the slots, the sums: walked in long steps
  double *L_, *C_;            // of the panel
  double* row_sums_;          // of each block of an update
  double* slot_[window];
  std::int64_t first_ = 0, start_ = 0;  // eliminated: in all, before this panel
  std::int64_t filled_ = 0;             // in this panel
  std::int64_t cached_ = 0, applied_ = 0;
  std::int64_t positive_ = 0, negative_ = 0;
};

}  // namespace

Signs signs_by_elimination(const Triangle& m, const double* magnitudes, const Factors* factors) {
  return Elimination(m, magnitudes, factors).run();
}

}  // namespace saddlescape::eig
