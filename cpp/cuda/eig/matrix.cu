#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "cuda/eig/fetch.hpp"
#include "cuda/eig/matrix.hpp"
#include "cuda/eig/matrix_kernels.hpp"
#include "cuda/launch.hpp"
#include "eig/dense.hpp"

namespace saddlescape::cuda::eig {
namespace {

using saddlescape::eig::Power;

// The first element of a row that is not finite, as it stands on the device.
template <class T>
[[noreturn]] void refuse_non_finite(const Stream& stream, std::int64_t n, const T* a,
                                    std::int64_t row, const std::string& name) {
  const std::vector<T> x = fetched(stream, a + row * n, n);
  const auto found = std::find_if(x.begin(), x.end(), [](T each) { return !std::isfinite(each); });
  throw std::invalid_argument(name + ": " +
                              std::string(std::isnan(*found) ? "NaN"
                                          : *found > 0       ? "infinite"
                                                             : "-infinite") +
                              " at (" + std::to_string(row) + ", " +
                              std::to_string(found - x.begin()) + "), expected finite numbers");
}

}  // namespace

template <class T>
Scale scale_of(const Stream& stream, std::int64_t n, const T* a, const std::string& name) {
  Scale scale;
  if (n == 0) return scale;
  Memory rows(Memory::Where::device, "the largest elements of A's rows");
  rows.grow(n * bytes_of<double>);
  launch("the largest elements of A", stream, n,
         RowLargest<Magnitude<T>>{n, 1, rows.as<double>(), {a, n}});
  const std::vector<double> most = fetched(stream, rows.as<double>(), n);
  for (std::int64_t i = 0; i < n; ++i)
    if (!std::isfinite(most[i])) refuse_non_finite(stream, n, a, i, name);
  scale.most = *std::max_element(most.begin(), most.end());
  std::frexp(scale.most, &scale.exponent);
  return scale;
}

template <class T>
void symmetric_part(const Stream& stream, std::int64_t n, const T* a, double shift, Scale& scale,
                    double* s, const std::string& name) {
  const std::int64_t tiles = (n + tile - 1) / tile, pairs = tiles * (tiles + 1) / 2;
  if (n == 0) return;
  const Power power(-scale.exponent);
  Memory parts(Memory::Where::device, "the asymmetry of A's tiles");
  parts.grow(pairs * bytes_of<TileAsymmetry>);
  launch(
      "the symmetric part of A", stream, tiles * tiles,
      Symmetrise<T>{n, tiles, a, power.first, power.second, shift, s, parts.as<TileAsymmetry>()});
  TileAsymmetry worst{0, 0, 0, 0};
  double squares = 0;
  for (const TileAsymmetry& each : fetched(stream, parts.as<TileAsymmetry>(), pairs)) {
    squares += each.squares;
    if (each.largest > worst.largest) worst = each;
  }
  const double allowed = saddlescape::eig::allowed_asymmetry<T>(n, scale.most);
  if (worst.largest > allowed)
    saddlescape::eig::refuse_asymmetry(name, worst.row, worst.column, worst.largest, allowed);
  // Each pair stands twice in A - A^T: ||A - A^T||_F / 2 = sqrt(2 sum_{i>j} d_ij^2) / 2.
  scale.asymmetry = std::sqrt(squares / 2) * (1 + 1e-6);
}

std::vector<double> row_sums(const Stream& stream, std::int64_t n, const double* s) {
  if (n == 0) return {};
  Memory sums(Memory::Where::device, "the row sums of S");
  sums.grow(n * bytes_of<double>);
  launch("the row sums of S", stream, n,
         RowSums<Magnitude<double>>{n, 1, sums.as<double>(), {s, n}});
  std::vector<double> found = fetched(stream, sums.as<double>(), n);
  // n additions of positive numbers
  for (double& each : found) each *= 1 + (static_cast<double>(n) + 8) * 0x1p-53;
  return found;
}

void unscale(const Stream& stream, std::int64_t n, int exponent, double* w) {
  if (n == 0) return;
  const Power power(exponent);
  launch("the eigenvalues' scale", stream, blocks_of(n),
         Elements<Unscale>{n, {power.first, power.second, w}});
  for (const double each : fetched(stream, w, n))
    if (!std::isfinite(each)) saddlescape::eig::refuse_range();
}

#define SADDLESCAPE_MATRIX(T)                                                                  \
  template Scale scale_of(const Stream&, std::int64_t, const T*, const std::string&);          \
  template void symmetric_part(const Stream&, std::int64_t, const T*, double, Scale&, double*, \
                               const std::string&);
SADDLESCAPE_MATRIX(float)
SADDLESCAPE_MATRIX(double)
#undef SADDLESCAPE_MATRIX

}  // namespace saddlescape::cuda::eig
