// The matrix that is eliminated: S = 2^-exponent (A + A^T) / 2, its largest element in [1/2, 1), so
// that nothing overflows, and what is known of it after one pass over A.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/parallel.hpp"

namespace saddlescape::eig {

// x 2^exponent in two steps, each of which a double holds.
struct Power {
  double first, second;
  explicit Power(int exponent)
      : first(std::ldexp(1.0, exponent / 2)), second(std::ldexp(1.0, exponent - exponent / 2)) {}
  double operator()(double x) const { return x * first * second; }
};

struct Scale {
  int exponent = 0;
  double most = 0;               // of A
  bool finite = true;            // A is
  std::vector<double> row_sums;  // of |S|, or more
  double asymmetry = 0;          // ||A - A^T||_F / 2 on the scale of S, at least
  double largest_row_sum() const { return *std::max_element(row_sums.begin(), row_sums.end()); }
};

// What A is off by from its transpose, on the scale of S.
struct Asymmetry {
  bool any = false;
  double largest = 0;
  double norm = 0;  // Frobenius
};

// Of the row sums those of A, once they are known to be finite.
template <class T>
Scale scale_of(std::int64_t n, const T* a);

// Writes what of S is above the diagonal to the rooms that there are, packed (eig/ldlt.hpp).
template <class T>
Asymmetry load(std::int64_t n, const T* a, int exponent, double* const* rooms, int count);

// Adds it to the row sums. Throws std::invalid_argument if it is more than rounding leaves.
template <class T>
void account(std::int64_t n, const T* a, const Asymmetry& found, Scale& scale);

// a_ij and a_ji are read together: by tiles both stay in cache.
constexpr std::int64_t transposed_tile = 64;

// Calls visit(band, i, j, j_end) for rows i of tiles above the diagonal, on all threads: those of a
// band on the same one, in order.
template <class Visit>
void above_diagonal(std::int64_t n, const Visit& visit) {
  constexpr std::int64_t tile = transposed_tile;
  const std::int64_t bands = (n + tile - 1) / tile;
  parallel_for(bands, 1 + 100'000 / std::max<std::int64_t>(1, n * tile),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t band = begin; band < end; ++band)
                   for (std::int64_t j = band * tile; j < n; j += tile)
                     for (std::int64_t i = band * tile; i < std::min(n, (band + 1) * tile); ++i)
                       visit(band, i, std::max(j, i + 1), std::min(n, j + tile));
               });
}

}  // namespace saddlescape::eig
