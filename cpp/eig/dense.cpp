#include "eig/dense.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <stdexcept>

#include "core/blas.hpp"

namespace saddlescape::eig {
namespace {

constexpr std::int64_t tile = 64;  // a_ij and a_ji are read together: by tiles both stay in cache

// Calls visit(i, j) for all i > j.
template <class Visit>
void below_diagonal(std::int64_t n, Visit&& visit) {
  for (std::int64_t i0 = 0; i0 < n; i0 += tile)
    for (std::int64_t j0 = 0; j0 <= i0; j0 += tile)
      for (std::int64_t i = i0; i < std::min(n, i0 + tile); ++i)
        for (std::int64_t j = j0; j < std::min(i, j0 + tile); ++j) visit(i, j);
}

template <class T>
double largest(std::int64_t size, const T* a) {
  T most = 0;
  for (std::int64_t i = 0; i < size; ++i) most = std::max(most, std::abs(a[i]));
  return static_cast<double>(most);
}

std::string text(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.3g", value);
  return buffer;
}

}  // namespace

template <class T>
void check_symmetric(std::int64_t n, const T* a, const std::string& name) {
  double most = 0;
  std::int64_t row = 0, column = 0;
  below_diagonal(n, [&](std::int64_t i, std::int64_t j) {
    const double difference =
        std::abs(static_cast<double>(a[i * n + j]) - static_cast<double>(a[j * n + i]));
    if (difference > most) {
      most = difference;
      row = i;
      column = j;
    }
  });
  const double allowed = 100.0 * static_cast<double>(n) *
                         static_cast<double>(std::numeric_limits<T>::epsilon()) * largest(n * n, a);
  if (most <= allowed) return;
  const std::string i = std::to_string(row), j = std::to_string(column);
  throw std::invalid_argument(
      name + ": not symmetric, |" + name + "[" + i + ", " + j + "] - " + name + "[" + j + ", " + i +
      "]| = " + text(most) + " is its largest, expected at most " + text(allowed) +
      " (100 n eps max|" + name + "|); if the symmetric part is meant, pass (" + name + " + " +
      name + ".T) / 2");
}

template <class T>
Scaling scaled_symmetric_part(std::int64_t n, const T* a, double* s) {
  Scaling scaling;
  const double most = largest(n * n, a);
  scaling.zero = most == 0;
  std::frexp(most, &scaling.exponent);
  const auto scaled = [&](std::int64_t i, std::int64_t j) {
    return std::ldexp(static_cast<double>(a[i * n + j]), -scaling.exponent);
  };
  double squares = 0;
  for (std::int64_t i = 0; i < n; ++i) s[i * n + i] = scaled(i, i);
  below_diagonal(n, [&](std::int64_t i, std::int64_t j) {
    const double lower = scaled(i, j), upper = scaled(j, i);
    // Halves are exact, so an exactly symmetric A passes unchanged.
    s[i * n + j] = s[j * n + i] = 0.5 * lower + 0.5 * upper;
    squares += (lower - upper) * (lower - upper);
  });
  // Each pair stands twice in A - A^T: ||A - A^T||_F / 2 = sqrt(2 sum_{i>j} d_ij^2) / 2.
  scaling.asymmetry = std::sqrt(squares / 2);
  return scaling;
}

void unscale(std::int64_t n, int exponent, double* w) {
  for (std::int64_t i = 0; i < n; ++i) {
    w[i] = std::ldexp(w[i], exponent);
    if (!std::isfinite(w[i]))
      throw std::invalid_argument(
          "A: an eigenvalue is beyond the range of float64, expected |lambda| < 1.8e308; scale A");
  }
}

template <class T>
void eigenvalues(std::int64_t n, const T* a, double* w) {
  std::vector<double> s(static_cast<std::size_t>(n * n));
  const Scaling scaling = scaled_symmetric_part(n, a, s.data());
  blas::eigh(n, s.data(), w, false);
  unscale(n, scaling.exponent, w);
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
