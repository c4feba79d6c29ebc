#include "eig/sturm.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/isa.hpp"
#include "core/parallel.hpp"
#include "eig/sturm_kernels.hpp"

namespace saddlescape::eig {

const SturmKernels& sturm_kernels() { SADDLESCAPE_ACTIVE(_sturm) }

namespace {

using Vector = std::vector<double>;

constexpr double u = 0x1p-53;
constexpr double error_of_counts = 16 * u;
constexpr double negligible = 0x1p-54;  // of an off-diagonal element, beside the largest of all
// An interval that is not halved any more. |lambda| < 4 here, where neighbours are up to 4 u apart:
// a narrower one might have no middle.
constexpr double narrow = 4 * u;
constexpr std::int64_t lanes = shifts_at_once;

// The exponent e with 2^-e max(|d|, |e|) in [1/2, 1).
int exponent_of(std::int64_t n, const double* d, const double* e) {
  double most = 0;
  for (std::int64_t i = 0; i < n; ++i) most = std::max(most, std::abs(d[i]));
  for (std::int64_t i = 0; i + 1 < n; ++i) most = std::max(most, std::abs(e[i]));
  int exponent = 0;
  std::frexp(most, &exponent);
  return exponent;
}

// A tridiagonal matrix as the kernel takes it: |d|, |e| < 1, squares of e at least 2^-120.
struct Scaled {
  Vector d, e2;
  int exponent;
  Scaled(std::int64_t n, const double* diagonal, const double* off)
      : d(n), e2(std::max<std::int64_t>(0, n - 1)), exponent(exponent_of(n, diagonal, off)) {
    for (std::int64_t i = 0; i < n; ++i) d[i] = std::ldexp(diagonal[i], -exponent);
    for (std::int64_t i = 0; i + 1 < n; ++i) {
      const double each = std::max(0x1p-60, std::abs(std::ldexp(off[i], -exponent)));
      e2[i] = each * each;
    }
  }
  std::int64_t n() const { return static_cast<std::int64_t>(d.size()); }
  void count(const double* x, std::int64_t* below) const {
    sturm_kernels().count(n(), d.data(), e2.data(), x, below);
  }
};

// Calls f(first, last) for groups of `lanes` of `count` shifts, on all threads.
template <class F>
void by_lanes(std::int64_t n, std::int64_t count, std::int64_t passes, const F& f) {
  const std::int64_t cost = std::max<std::int64_t>(1, n * lanes * passes / 8);  // ns, about
  parallel_for((count + lanes - 1) / lanes, 1 + 20'000 / cost,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i)
                   f(i * lanes, std::min(count, (i + 1) * lanes));
               });
}

void count_all(const Scaled& t, std::int64_t count, const double* x, std::int64_t* below) {
  by_lanes(t.n(), count, 1, [&](std::int64_t first, std::int64_t last) {
    double shifts[lanes];
    std::int64_t counts[lanes];
    for (std::int64_t k = 0; k < lanes; ++k) shifts[k] = x[std::min(first + k, last - 1)];
    t.count(shifts, counts);
    std::copy(counts, counts + (last - first), below + first);
  });
}

// An unreduced matrix: w ascending, in units of 2^exponent.
void bisect(const Scaled& t, double* w) {
  const std::int64_t n = t.n();
  // Gershgorin: |lambda| < 3; a grid of about as many shifts as there are eigenvalues does the work
  // of the first log2 n halvings.
  double least = t.d[0], most = t.d[0];
  for (std::int64_t i = 0; i < n; ++i) {
    const double radius =
        (i > 0 ? std::sqrt(t.e2[i - 1]) : 0) + (i + 1 < n ? std::sqrt(t.e2[i]) : 0);
    least = std::min(least, t.d[i] - radius);
    most = std::max(most, t.d[i] + radius);
  }
  least -= 0x1p-45;  // more than all that counts and these sums are wrong by
  most += 0x1p-45;
  const std::int64_t inner = (n + lanes - 1) / lanes * lanes;
  Vector grid(inner + 2);
  const double width = (most - least) / static_cast<double>(inner + 1);
  for (std::int64_t g = 0; g <= inner; ++g) grid[g] = least + width * static_cast<double>(g);
  grid[inner + 1] = most;
  std::vector<std::int64_t> below(inner + 2);
  count_all(t, inner, grid.data() + 1, below.data() + 1);
  below[inner + 1] = n;
  // Eigenvalue k (from 0) lies between the last grid point with at most k below and the next.
  Vector low(n), high(n);
  for (std::int64_t g = 0, k = 0; g <= inner; ++g)
    for (; k < std::min(n, below[g + 1]); ++k) {
      low[k] = grid[g];
      high[k] = grid[g + 1];
    }
  by_lanes(n, n, 45, [&](std::int64_t first, std::int64_t last) {
    double lo[lanes], hi[lanes], middle[lanes];
    std::int64_t counts[lanes];
    for (std::int64_t k = 0; k < lanes; ++k) {
      lo[k] = low[std::min(first + k, last - 1)];
      hi[k] = high[std::min(first + k, last - 1)];
    }
    for (bool wide = true; wide;) {
      for (std::int64_t k = 0; k < lanes; ++k) middle[k] = lo[k] + 0.5 * (hi[k] - lo[k]);
      t.count(middle, counts);
      wide = false;
      for (std::int64_t k = 0; k < lanes; ++k) {
        if (counts[k] <= std::min(first + k, last - 1))
          lo[k] = middle[k];
        else
          hi[k] = middle[k];
        wide = wide || hi[k] - lo[k] > narrow;
      }
    }
    for (std::int64_t k = first; k < last; ++k)
      w[k] = lo[k - first] + 0.5 * (hi[k - first] - lo[k - first]);
  });
}

}  // namespace

void count_below(std::int64_t n, const double* d, const double* e, std::int64_t count,
                 const double* x, std::int64_t* below) {
  if (n == 0) {
    std::fill(below, below + count, 0);
    return;
  }
  const Scaled t(n, d, e);
  Vector shifts(count);
  // |lambda| < 3: what is farther out counts as if it stood at 4.
  for (std::int64_t k = 0; k < count; ++k)
    shifts[k] = std::min(4.0, std::max(-4.0, std::ldexp(x[k], -t.exponent)));
  count_all(t, count, shifts.data(), below);
}

double count_error(std::int64_t n, const double* d, const double* e) {
  return std::ldexp(error_of_counts, exponent_of(n, d, e));
}

double tridiagonal_eigenvalues(std::int64_t n, const double* d, const double* e, double* w) {
  const int exponent = exponent_of(n, d, e);
  const double scale = std::ldexp(1.0, exponent), least = negligible * scale;
  double worst = 0;  // of the pieces
  for (std::int64_t first = 0; first < n;) {
    std::int64_t last = first;
    while (last + 1 < n && std::abs(e[last]) > least) ++last;
    if (last == first) {
      w[first] = d[first];
    } else {
      const Scaled piece(last - first + 1, d + first, e + first);
      bisect(piece, w + first);
      for (std::int64_t i = first; i <= last; ++i) w[i] = std::ldexp(w[i], piece.exponent);
      worst = std::max(worst, std::ldexp(error_of_counts + narrow, piece.exponent));
    }
    first = last + 1;
  }
  std::sort(w, w + n);
  return worst + 2 * least;  // the elements that were dropped: at most two in a row
}

}  // namespace saddlescape::eig
