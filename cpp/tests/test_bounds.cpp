// Error bounds against what they are to bound: reductions that are made wrong on purpose, and the
// sums of the derivations anew, from plain loops in long double. True errors are a millionth of
// these bounds, so no result would show that a term is missing.
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/random.hpp"
#include "eig/certified_values.hpp"
#include "eig/certify.hpp"
#include "eig/ldlt.hpp"
#include "eig/panel.hpp"
#include "eig/reduction_error.hpp"
#include "eig/signs.hpp"
#include "eig/sturm.hpp"
#include "eig_samples.hpp"

namespace eig = saddlescape::eig;

namespace {

using Vector = std::vector<double>;
using Long = long double;

constexpr double u = 0x1p-53;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

double gamma(double k) { return k * u / (1 - k * u); }

Vector symmetric(std::int64_t n, std::uint64_t seed) {
  Vector a(at(n * n));
  saddlescape::Random(seed).normals(a.data(), n * n);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < i; ++j) a[i * n + j] = a[j * n + i];
  return a;
}

double frobenius(const Vector& a) {
  Long squares = 0;
  for (double x : a) squares += static_cast<Long>(x) * x;
  return static_cast<double>(std::sqrt(squares));
}

// Columns [0, w) of a symmetric matrix below its first w rows, one behind the other.
Vector first_columns(const Vector& s, std::int64_t n, std::int64_t w) {
  Vector columns;
  for (std::int64_t c = 0; c < w; ++c)
    columns.insert(columns.end(), s.begin() + c * n + w, s.begin() + (c + 1) * n);
  return columns;
}

// One panel of a matrix of norm `norm`, factored, then one number of V, T or R put off by `wrong`.
// For the rest of the step X and W are taken as zero: only the panel is looked at.
enum class Fault { none, v, t, r };

double panel_total(std::int64_t m, Fault fault, double wrong) {
  const std::int64_t w = 64, n = m + w;
  const Vector s = symmetric(n, 3);
  Vector columns = first_columns(s, n, w), v(at(m * w)), t(at(w * w));
  const eig::Panel panel{m, w, columns.data(), m, v.data(), m, t.data()};
  eig::ReductionError error(n, s.data());
  error.before(panel);
  eig::factor(panel);
  if (fault == Fault::v) v[m - 1] += wrong;
  if (fault == Fault::t) t[0] += wrong;
  if (fault == Fault::r) columns[0] += wrong;
  error.after(panel);
  return error.total(n);
}

void what_is_wrong_in_a_panel_is_bounded() {
  for (std::int64_t m : {2, 9, 63, 64, 65, 200}) {
    const double norm = frobenius(symmetric(m + 64, 3));
    const double usual = panel_total(m, Fault::none, 0);
    const double sweeps = 1450 * u * static_cast<double>(m + 64) * norm;
    expect(usual >= sweeps, "1,450 u ||A|| for each sweep", usual / sweeps);
    expect(usual <= 100 * sweeps, "and not much besides", usual / sweeps);
    for (double wrong : {1e-9, 1e-7}) {
      // R off by one number, which stands twice in the matrix.
      const double r = panel_total(m, Fault::r, wrong);
      expect(r >= usual + 1.41 * wrong, "a wrong R", (r - usual) / wrong);
      expect(r <= usual + 1.5 * wrong, "a wrong R, and no more", (r - usual) / wrong);
      // I - (tau + d) v v^T has the norm |1 - (tau + d) |v|^2|, 1 + d |v|^2 for d > 0: with
      // |v|^2 = 2 / tau >= 1 its square is off by more than 2 d.
      const double t = panel_total(m, Fault::t, wrong);
      expect(t >= usual + 2 * wrong * norm, "a wrong tau", (t - usual) / (wrong * norm));
      // |v|^2 grows by d^2 + 2 d v_last: as far as tau |v|^2 - 2 does, which is not zero.
      const double v = panel_total(m, Fault::v, wrong);
      expect(v > usual + 1e-3 * wrong * norm, "a wrong v", (v - usual) / (wrong * norm));
    }
    // Beyond a relative 1/200 the derivation does not hold, and nothing is claimed.
    expect(std::isinf(panel_total(m, Fault::r, norm)), "a useless reduction", norm);
    expect(std::isinf(panel_total(m, Fault::t, 0.1)), "a useless reduction", norm);
  }
}

// dY, dX, dS, dM, dW and the update's own rounding, with norms of the numbers handed over; one of
// them so large that the others do not hide it.
void an_update_is_bounded(int dominant) {
  const std::int64_t m = 130, w = 64, n = m + w;
  const Vector s = symmetric(n, 3);
  Vector columns = first_columns(s, n, w), v(at(m * w)), t(at(w * w));
  const eig::Panel panel{m, w, columns.data(), m, v.data(), m, t.data()};
  eig::ReductionError error(n, s.data());
  error.before(panel);
  eig::factor(panel);
  error.after(panel);
  const double before = error.total(n);
  Vector x(at(m * w)), big_w(at(m * w)), small(at(w * w)), middle(at(w * w));
  saddlescape::Random random(5);
  for (Vector* each : {&x, &big_w}) random.normals(each->data(), m * w);
  for (Vector* each : {&small, &middle}) random.normals(each->data(), w * w);
  Vector* const all[] = {&x, &big_w, &small, &middle};
  for (double& each : *all[dominant]) each *= 1e6;
  error.x(x.data(), m);
  error.rest(big_w.data(), m, small.data(), middle.data());
  const double norm = frobenius(s), v_f = frobenius(v);
  // |T| and |V| from below: their largest columns.
  double v_least = 0, t_least = 0;
  for (std::int64_t c = 0; c < w; ++c) {
    v_least = std::max(v_least, frobenius(Vector(v.begin() + c * m, v.begin() + (c + 1) * m)));
    t_least = std::max(t_least, std::abs(t[c * w + c]));
  }
  const double k = static_cast<double>(w), sum = gamma(static_cast<double>(m)), sums = gamma(k + 2);
  const double dy = sum * norm * v_f, ds = sum * v_f * frobenius(x);
  const double dx = sums * t_least * (norm * v_least + dy), dm = sums * t_least * frobenius(small);
  const double dw = sums * (frobenius(x) + v_f * frobenius(middle) / 2);
  // ||V T^T|| >= |V T^T e_w| = tau_w |v_w|, for T is upper triangular.
  const double c_least = t[w * w - 1] * frobenius(Vector(v.end() - m, v.end()));
  const double least = 2 * (c_least * dy + v_least * dx) + v_least * (c_least * ds + v_least * dm) +
                       2 * v_least * dw + gamma(2 * k + 2) * (norm + 2 * v_f * frobenius(big_w));
  expect(error.total(n) - before >= least, "the rounding of an update",
         (error.total(n) - before) / least);
}

void asymmetry_is_a_part_of_the_bound() {
  for (std::int64_t n : {2, 3, 65, 130}) {
    Vector a = symmetric(n, 7), w(at(n));
    const double symmetric_bound = eig::certified_eigenvalues(n, a.data(), w.data());
    const double skew = 1e-14;
    a[1] += skew;
    const double bound = eig::certified_eigenvalues(n, a.data(), w.data());
    // ||A - A^T||_F / 2 = skew / sqrt 2
    expect(bound >= symmetric_bound + 0.7071 * skew * (1 - 1e-2), "the asymmetry's part",
           (bound - symmetric_bound) / skew);
  }
}

void bound_of_eigenpairs_has_all_its_parts() {
  for (std::int64_t n : {1, 2, 3, 10, 100}) {
    const Vector a = symmetric(n, 9);
    Vector w(at(n)), rows(at(n * n));
    const double bound = eig::certified_eigenpairs(n, a.data(), w.data(), rows.data());
    const double order = static_cast<double>(n), v = frobenius(rows);
    double largest = 0, row_sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (std::int64_t j = 0; j < n; ++j) sum += std::abs(a[i * n + j]);
      row_sum = std::max(row_sum, sum);
      largest = std::max(largest, std::abs(w[i]));
    }
    // (rho + 2 d max|w|) / (1 - d), from what gemm may have got wrong alone
    const double d = gamma(order + 2) * (v * v + std::sqrt(order));
    const double rho = gamma(order + 3) * v * (std::min(frobenius(a), row_sum) + largest);
    const double least = (rho + 2 * d * largest) / (1 - d);
    expect(bound >= least * (1 - 1e-9), "a bound of eigenpairs", bound / least);
    expect(bound <= 3 * least, "and not much more", bound / least);
  }
}

// The sums of ldlt.hpp, from the factors. Up to a panel's width there is no Schur complement but M.
void bound_of_an_elimination(std::int64_t n, bool zeros) {
  Vector a = symmetric(n, 11);
  for (std::int64_t i = 0; zeros && i < n; ++i) a[i * n + i] = 0;
  Vector m = a, magnitudes(at(n)), l(at(n * n)), d(at(n)), e(at(n));
  std::vector<std::int64_t> order(at(n));
  for (std::int64_t i = 0; i < n; ++i) {
    l[i * n + i] = 1;
    for (std::int64_t j = 0; j < n; ++j) magnitudes[i] += std::abs(a[i * n + j]);
  }
  const eig::Factors factors{l.data(), order.data(), d.data(), e.data()};
  const double bound =
      eig::signs_by_elimination({m.data(), n, false}, magnitudes.data(), &factors).bound;
  // C = L D
  const auto c = [&](std::int64_t i, std::int64_t k) {
    Long sum = static_cast<Long>(l[i * n + k]) * d[k];
    if (k + 1 < n) sum += static_cast<Long>(l[i * n + k + 1]) * e[k];
    if (k > 0) sum += static_cast<Long>(l[i * n + k - 1]) * e[k - 1];
    return std::abs(sum);
  };
  double least = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    Long terms = magnitudes[order[i]], off = 0, error = 0;
    for (std::int64_t j = 0; j < n; ++j) {
      Long sum = -static_cast<Long>(a[order[i] * n + order[j]]);
      for (std::int64_t k = 0; k < n; ++k) {
        const bool two = e[k] != 0, second = k > 0 && e[k - 1] != 0;
        const Long li = std::abs(l[i * n + k]), lj = std::abs(l[j * n + k]);
        sum += static_cast<Long>(l[i * n + k]) * d[k] * l[j * n + k];
        if (two) {
          sum += static_cast<Long>(e[k]) * l[i * n + k] * l[j * n + k + 1];
          sum += static_cast<Long>(e[k]) * l[i * n + k + 1] * l[j * n + k];
        }
        const std::int64_t behind = two ? k + 2 : k + 1;
        Long part = 0;
        if (i >= behind && j >= behind) part = li * c(j, k) + c(i, k) * lj;
        if (i >= behind && j == k) part = c(i, k);
        terms += part;
        // Beside a pivot of two |e| holds four roundings of three numbers, which add up to 2 |c|.
        if (two || second) off += 7.9 * u * part;
        if (i == k && j >= behind && (two || second)) off += 7.9 * u * c(j, k);
        if (i == k && j >= behind && !two && !second) terms += c(j, k);
      }
      error += std::abs(sum);
    }
    const double roundings = 24 + (96 / 32 + 2) + 96 / 24 + 3;
    least = std::max(least, static_cast<double>(gamma(roundings) * terms + off));
    expect(error <= bound, "a residual within its bound", static_cast<double>(error) / bound);
  }
  expect(bound >= least * (1 - 1e-9), "a bound of an elimination", bound / least);
  if (n <= 90 && least > 0) expect(bound <= 1.5 * least, "and not much more", bound / least);
}

// Both eliminations anew, from the shift that the band and the error leave: the worse one counts.
void the_worse_of_two_eliminations_counts() {
  for (std::int64_t n : {40, 130})
    for (double side : {-1.0, 1.0}) {
      Vector a = symmetric(n, 13);
      for (std::int64_t i = 0; i < n; ++i) a[i * n + i] += side * 2 * static_cast<double>(n);
      const double tolerance = static_cast<double>(n);
      const eig::CertifiedSigns found = eig::certified_signs(n, a.data(), tolerance);
      expect(found.found, "a bound is found", static_cast<double>(n));
      const double shift = found.band - found.error_bound;
      double bounds[2];
      for (int k = 0; k < 2; ++k) {
        Vector m = a, magnitudes(at(n), shift);
        for (std::int64_t i = 0; i < n; ++i) {
          for (std::int64_t j = 0; j < n; ++j) magnitudes[i] += std::abs(a[i * n + j]);
          m[i * n + i] += k ? shift : -shift;
        }
        bounds[k] = eig::signs_by_elimination({m.data(), n, false}, magnitudes.data()).bound;
      }
      const double worse = std::max(bounds[0], bounds[1]);
      expect(worse > 1.001 * std::min(bounds[0], bounds[1]), "one is worse",
             static_cast<double>(n));
      expect(found.error_bound >= worse * (1 - 1e-6), "the error of signs",
             found.error_bound / worse);
    }
}

// The constants that the derivation of sturm.hpp ends with.
void bounds_of_bisection() {
  for (double scale : {1.0, 0x1p300, 0x1p-300}) {
    const Vector d = {0.75 * scale, -0.5 * scale, 0.25 * scale}, e = {0.5 * scale, 0.125 * scale};
    expect(eig::count_error(3, d.data(), e.data()) == 16 * u * scale, "16 u", scale);
    Vector w(3);
    const double bound = eig::tridiagonal_eigenvalues(3, d.data(), e.data(), w.data());
    // Where the counts have it, half of the last interval, and two elements of 2^-54.
    expect(bound >= (16 + 2 + 1) * u * scale, "bisection", bound / (u * scale));
    expect(bound <= 22 * u * scale, "bisection, not much more", bound / (u * scale));
  }
  // What is dropped beside the largest element is no more than the bound says.
  const Vector d = {1, 1, 1}, e = {0.9 * 0x1p-54, 0.9 * 0x1p-54};
  Vector w(3);
  const double bound = eig::tridiagonal_eigenvalues(3, d.data(), e.data(), w.data());
  expect(bound >= 0.9 * 0x1p-54 * std::sqrt(2.0), "dropped elements", bound);
  expect(w[0] == 1 && w[2] == 1, "dropped", w[0] - 1);
}

// Elements far below the largest one are seen where the diagonal lets them.
void small_elements_are_not_lost() {
  const double small = 0x1p-40;
  const Vector d = {0.5, 0.5, 0.0}, e = {small, 0.25};
  Vector w(3), alone(2);
  const double bound = eig::tridiagonal_eigenvalues(2, d.data(), e.data(), alone.data());
  expect(std::abs(alone[0] - (0.5 - small)) <= 4 * u && bound < 32 * u, "two equal elements",
         (alone[0] - 0.5) / small);
  eig::tridiagonal_eigenvalues(3, d.data(), e.data(), w.data());
  Long trace = 0;
  for (double x : w) trace += x;
  expect(std::abs(static_cast<double>(trace) - 1) <= 16 * u, "trace", static_cast<double>(trace));
}

}  // namespace

int main() {
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
  what_is_wrong_in_a_panel_is_bounded();
  for (int dominant = 0; dominant < 4; ++dominant) an_update_is_bounded(dominant);
  asymmetry_is_a_part_of_the_bound();
  bound_of_eigenpairs_has_all_its_parts();
  for (std::int64_t n : {1, 2, 3, 5, 40, 90, 150})
    for (bool zeros : {false, true}) bound_of_an_elimination(n, zeros);
  the_worse_of_two_eliminations_counts();
  bounds_of_bisection();
  small_elements_are_not_lost();
  return summary("bounds");
}
