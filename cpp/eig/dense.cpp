#include "eig/dense.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <stdexcept>

#include "core/blas.hpp"
#include "core/memory.hpp"
#include "core/parallel.hpp"
#include "eig/sturm.hpp"
#include "eig/tridiagonal.hpp"

namespace saddlescape::eig {
namespace {

constexpr std::int64_t tile = 64;  // a_ij and a_ji are read together: by tiles both stay in cache

// Below this order LAPACK's one stage stays in cache and is as fast.
constexpr std::int64_t smallest_two_stage = 300;

std::int64_t bands(std::int64_t n) { return (n + tile - 1) / tile; }

// Calls visit(band, i, j) for all i > j, on all threads: rows of a band on the same one, in order.
template <class Visit>
void below_diagonal(std::int64_t n, const Visit& visit) {
  parallel_for(bands(n), 1 + 100'000 / std::max(tile, tile * n),
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t band = first; band < last; ++band)
                   for (std::int64_t j0 = 0; j0 <= band * tile; j0 += tile)
                     for (std::int64_t i = band * tile; i < std::min(n, (band + 1) * tile); ++i)
                       for (std::int64_t j = j0; j < std::min(i, j0 + tile); ++j) visit(band, i, j);
               });
}

template <class T>
double largest(std::int64_t n, const T* a) {
  std::vector<T> most(static_cast<std::size_t>(n));
  parallel_for(n, 1 + 100'000 / std::max<std::int64_t>(1, n),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i)
                   for (std::int64_t j = 0; j < n; ++j)
                     most[i] = std::max(most[i], std::abs(a[i * n + j]));
               });
  return n ? static_cast<double>(*std::max_element(most.begin(), most.end())) : 0;
}

// x 2^exponent in two steps, each of which a double holds.
struct Power {
  double first, second;
  explicit Power(int exponent)
      : first(std::ldexp(1.0, exponent / 2)), second(std::ldexp(1.0, exponent - exponent / 2)) {}
  double operator()(double x) const { return x * first * second; }
};

std::string text(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.3g", value);
  return buffer;
}

}  // namespace

template <class T>
void check_symmetric(std::int64_t n, const T* a, const std::string& name) {
  struct Place {
    double difference = 0;
    std::int64_t row = 0, column = 0;
  };
  std::vector<Place> worst(static_cast<std::size_t>(bands(n)) + 1);
  below_diagonal(n, [&](std::int64_t band, std::int64_t i, std::int64_t j) {
    const double difference =
        std::abs(static_cast<double>(a[i * n + j]) - static_cast<double>(a[j * n + i]));
    if (difference > worst[band].difference) worst[band] = {difference, i, j};
  });
  Place found;
  for (const Place& each : worst)
    if (each.difference > found.difference) found = each;
  const double allowed = allowed_asymmetry<T>(n, largest(n, a));
  if (found.difference > allowed)
    refuse_asymmetry(name, found.row, found.column, found.difference, allowed);
}

void refuse_asymmetry(const std::string& name, std::int64_t row, std::int64_t column,
                      double difference, double allowed) {
  const std::string i = std::to_string(row), j = std::to_string(column);
  throw std::invalid_argument(
      name + ": not symmetric, |" + name + "[" + i + ", " + j + "] - " + name + "[" + j + ", " + i +
      "]| = " + text(difference) + " is its largest, expected at most " + text(allowed) +
      " (100 n eps max|" + name + "|); if the symmetric part is meant, pass (" + name + " + " +
      name + ".T) / 2");
}

template <class T>
Scaling scaled_symmetric_part(std::int64_t n, const T* a, double* s) {
  Scaling scaling;
  const double most = largest(n, a);
  scaling.zero = most == 0;
  std::frexp(most, &scaling.exponent);
  const Power power(-scaling.exponent);
  for (std::int64_t i = 0; i < n; ++i) s[i * n + i] = power(static_cast<double>(a[i * n + i]));
  std::vector<double> sums(static_cast<std::size_t>(bands(n)));
  below_diagonal(n, [&](std::int64_t band, std::int64_t i, std::int64_t j) {
    const double lower = power(static_cast<double>(a[i * n + j]));
    const double upper = power(static_cast<double>(a[j * n + i]));
    // Halves are exact, so an exactly symmetric A passes unchanged.
    s[i * n + j] = s[j * n + i] = 0.5 * lower + 0.5 * upper;
    sums[band] += (lower - upper) * (lower - upper);
  });
  double squares = 0;
  for (double each : sums) squares += each;
  // Each pair stands twice in A - A^T: ||A - A^T||_F / 2 = sqrt(2 sum_{i>j} d_ij^2) / 2.
  scaling.asymmetry = std::sqrt(squares / 2);
  return scaling;
}

void unscale(std::int64_t n, int exponent, double* w) {
  for (std::int64_t i = 0; i < n; ++i) {
    w[i] = std::ldexp(w[i], exponent);
    if (!std::isfinite(w[i])) refuse_range();
  }
}

void refuse_range() {
  throw std::invalid_argument(
      "A: an eigenvalue is beyond the range of float64, expected |lambda| < 1.8e308; scale A");
}

namespace {

// S is destroyed.
void values_of(std::int64_t n, double* s, const Scaling& scaling, double* w) {
  if (n < smallest_two_stage) {
    blas::eigh(n, s, w, false);
  } else {
    std::vector<double> d(n), e(n);
    tridiagonalize(n, s, d.data(), e.data());
    tridiagonal_eigenvalues(n, d.data(), e.data(), w);
  }
  unscale(n, scaling.exponent, w);
}

}  // namespace

template <class T>
void eigenvalues(std::int64_t n, const T* a, double* w) {
  const Numbers s = numbers(n * n);
  const Scaling scaling = scaled_symmetric_part(n, a, s.get());
  values_of(n, s.get(), scaling, w);
}

void eigenvalues_over(std::int64_t n, double* a, double* w) {
  const double most = largest(n, a);
  if (!std::isfinite(most * static_cast<double>(n)))  // before anything is written to
    throw std::invalid_argument("A: max|A| = " + text(most) +
                                ", expected n max|A| within the range of float64 if A is to be "
                                "overwritten; scale A");
  const Scaling scaling = scaled_symmetric_part(n, a, a);
  values_of(n, a, scaling, w);
}

template <class T>
void eigenpairs(std::int64_t n, const T* a, double* w, double* rows) {
  const Scaling scaling = scaled_symmetric_part(n, a, rows);
  blas::eigh(n, rows, w, true);
  unscale(n, scaling.exponent, w);
}

template void check_symmetric(std::int64_t, const float*, const std::string&);
template void check_symmetric(std::int64_t, const double*, const std::string&);
template Scaling scaled_symmetric_part(std::int64_t, const float*, double*);
template Scaling scaled_symmetric_part(std::int64_t, const double*, double*);
template void eigenvalues(std::int64_t, const float*, double*);
template void eigenvalues(std::int64_t, const double*, double*);
template void eigenpairs(std::int64_t, const float*, double*, double*);
template void eigenpairs(std::int64_t, const double*, double*, double*);

}  // namespace saddlescape::eig
