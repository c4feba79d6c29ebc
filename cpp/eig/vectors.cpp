#include "eig/vectors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "core/memory.hpp"
#include "core/reduce.hpp"
#include "eig/orthogonal.hpp"
#include "eig/pieces.hpp"

namespace saddlescape::eig {
namespace {

using Vector = std::vector<double>;

// Below this part of the scale a row is rounding: the breakdown test.
constexpr double breakdown = 100 * std::numeric_limits<double>::epsilon();

// The longest of the rows first..last-1, and its norm.
std::pair<std::int64_t, double> longest(const Vectors& on, const double* v, std::int64_t first,
                                        std::int64_t last) {
  std::pair<std::int64_t, double> found(first, -1.0);
  Vector lengths(static_cast<std::size_t>(last - first));
  on.norms(last - first, v + first * on.n, lengths.data());
  for (std::int64_t row = first; row < last; ++row)
    if (lengths[row - first] > found.second) found = {row, lengths[row - first]};
  return found;
}

}  // namespace

std::shared_ptr<double> HostVectors::room(std::int64_t count) const {
  return std::shared_ptr<double>(numbers(count).release(), Free());
}

void HostVectors::put(std::int64_t, const std::function<void(double*)>& write, double* to) const {
  write(to);
}

void HostVectors::get(std::int64_t count, const double* from, double* to) const {
  std::copy_n(from, count, to);
}

void HostVectors::copy(std::int64_t count, const double* from, double* to) const {
  std::copy_n(from, count, to);
}

void HostVectors::scale(double factor, double* x) const {
  for (std::int64_t i = 0; i < n; ++i) x[i] *= factor;
}

void HostVectors::divide(double by, double* x) const {
  for (std::int64_t i = 0; i < n; ++i) x[i] /= by;
}

void HostVectors::add(double factor, const double* x, double* to) const {
  for (std::int64_t i = 0; i < n; ++i) to[i] += factor * x[i];
}

void HostVectors::swap(double* x, double* y) const { std::swap_ranges(x, x + n, y); }

double HostVectors::dot(const double* x, const double* y) const {
  double sum = reduce::dot(x, y, n);
  over_all(sum_, 1, &sum);
  return sum;
}

void HostVectors::norms(std::int64_t k, const double* x, double* lengths) const {
  eig::norms(n, k, x, lengths, sum_);
}

void HostVectors::inner_products(std::int64_t j, const double* v, std::int64_t k, const double* b,
                                 double alpha, double* h) const {
  eig::inner_products(n, j, v, k, b, alpha, h, sum_);
}

void HostVectors::take_out(const double* q, std::int64_t k, double* x, double* taken) const {
  eig::take_out(n, q, k, x, taken, sum_);
}

void HostVectors::project_out(std::int64_t j, const double* v, std::int64_t k, double* b,
                              double* h) const {
  eig::project_out(n, j, v, k, b, h, sum_);
}

void HostVectors::project_out_twice(std::int64_t j, const double* v, std::int64_t k, double* b,
                                    double* h) const {
  eig::project_out_twice(n, j, v, k, b, h, sum_);
}

void HostVectors::rotate(std::int64_t l, std::int64_t j, const double* s, double* v) const {
  rotate_rows(n, l, j, s, v);
}

void HostVectors::look_for_non_finite(std::int64_t k, const double* x, double* flags) const {
  for (std::int64_t i = 0; i < k; ++i) flags[i] = reduce::all_finite(x + i * n, n) ? 0 : 1;
}

std::optional<int> HostVectors::largest_exponent(std::int64_t count, const double* x) const {
  return eig::largest_exponent(sum_, count, x);
}

void HostVectors::shift_exponent(std::int64_t count, int exponent, double* x) const {
  for (std::int64_t i = 0; i < count; ++i) x[i] = std::ldexp(x[i], exponent);
}

std::shared_ptr<const Vectors> vectors_of(const Operator& op) {
  if (op.vectors) return op.vectors;
  return std::make_shared<HostVectors>(op.here(), op.sum);
}

double norm(const Vectors& on, const double* x) {
  double length;
  on.norms(1, x, &length);
  return length;
}

bool orthonormalise_row(const Vectors& on, double* v, std::int64_t r) {
  double* x = v + r * on.n;
  std::vector<double> h(static_cast<std::size_t>(std::max<std::int64_t>(1, r)));
  // "Twice is enough" (Kahan, in Parlett, section 6.9): a pass that leaves most of the vector
  // leaves it orthogonal. More than two are needed only where rounding is all that it held.
  for (int pass = 0; pass < 6; ++pass) {
    if (r > 0) on.project_out(r, v, 1, x, h.data());
    const double left = norm(on, x);
    if (!(left > 1e-8)) return false;
    on.scale(1 / left, x);
    if (left > 0.7) return true;
  }
  return false;
}

std::int64_t orthonormalise_rows(const Vectors& on, double* v, std::int64_t r, std::int64_t k,
                                 double scale_of_rows, double* c) {
  std::fill(c, c + k * k, 0.0);
  std::vector<std::int64_t> origin(static_cast<std::size_t>(k));
  for (std::int64_t i = 0; i < k; ++i) origin[i] = i;
  for (std::int64_t i = 0; i < k; ++i) {
    const auto [pivot, most] = longest(on, v, r + i, r + k);
    if (!(most > breakdown * scale_of_rows)) return i;
    double* q = v + (r + i) * on.n;
    if (pivot != r + i) on.swap(q, v + pivot * on.n);
    std::swap(origin[i], origin[pivot - r]);
    on.scale(1 / most, q);
    // The rounding that q carries along the earlier rows has grown: take it out again.
    if (most < 0.1 * scale_of_rows && !orthonormalise_row(on, v, r + i)) return i;
    c[i * k + origin[i]] = most;
    const std::int64_t behind = k - i - 1;
    Vector taken(static_cast<std::size_t>(behind));
    for (int pass = 0; pass < 2; ++pass) on.take_out(q, behind, q + on.n, taken.data());
    for (std::int64_t j = 0; j < behind; ++j) c[i * k + origin[i + 1 + j]] = taken[j];
  }
  return k;
}

void polish_rows(const Vectors& on, std::int64_t l, double* v) {
  std::vector<double> step(static_cast<std::size_t>(l * l));
  // I - E/2 = 3/2 I - V V^T / 2
  on.inner_products(l, v, l, v, -0.5, step.data());
  for (std::int64_t i = 0; i < l; ++i) step[i * l + i] += 1.5;
  on.rotate(l, l, step.data(), v);
}

}  // namespace saddlescape::eig
