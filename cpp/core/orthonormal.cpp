// Householder's QR of k vectors of m numbers, row by row in memory.
//
//   A^T = Q R,  Q = H_0 H_1 ... H_{k-1},  H_i = I - 2 v_i v_i^T / (v_i^T v_i)
//
// v_i is zero before element i and stays in row i of A. Each row takes its reflections one after
// the other in the order of i, wherever they are dealt out: the bits know no threads and no block
// size.
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/parallel.hpp"
#include "core/reduce.hpp"
#include "core/streams.hpp"

namespace saddlescape::streams {
namespace {

constexpr std::int64_t panel = 32;  // reflections that the rows below take in one go
constexpr std::int64_t group = 8;   // rows that stay in cache while the reflections pass

struct Reflections {
  std::int64_t m;
  const double* rows;                // v_i in row i, from its element i on
  const std::vector<double>& scale;  // 2 / (v_i^T v_i)

  // x <- H_i x
  void apply(std::int64_t i, double* x) const {
    const double* v = rows + i * m;
    const double factor = scale[static_cast<std::size_t>(i)] * reduce::dot(v + i, x + i, m - i);
#pragma omp simd
    for (std::int64_t j = i; j < m; ++j) x[j] -= factor * v[j];
  }
};

// Makes v_i of row i, so that H_i x = R_ii e_i, and returns the sign of R_ii.
double reflector(double* x, std::int64_t length, double& scale) {
  const double norm = std::sqrt(reduce::sum_squares(x, length));
  const double sign = x[0] < 0 ? -1.0 : 1.0;
  x[0] += sign * norm;  // away from zero: nothing cancels
  const double squares = reduce::sum_squares(x, length);
  scale = squares > 0 ? 2.0 / squares : 0.0;
  return squares > 0 ? -sign : 1.0;
}

}  // namespace

void orthonormal(const Random& stream, double* out, std::int64_t k, std::int64_t m) {
  std::vector<double> a(static_cast<std::size_t>(k * m)), scale(static_cast<std::size_t>(k));
  std::vector<double> sign(static_cast<std::size_t>(k));
  normals(stream, a.data(), k * m);
  const Reflections reflections{m, a.data(), scale};
  for (std::int64_t first = 0; first < k; first += panel) {
    const std::int64_t last = std::min(k, first + panel);
    for (std::int64_t i = first; i < last; ++i) {
      const auto at = static_cast<std::size_t>(i);
      sign[at] = reflector(a.data() + i * m + i, m - i, scale[at]);
      for (std::int64_t j = i + 1; j < last; ++j) reflections.apply(i, a.data() + j * m);
    }
    parallel_for((k - last + group - 1) / group, 1, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t above = last + begin * group, below = std::min(k, last + end * group);
      for (std::int64_t j = above; j < below; ++j)
        for (std::int64_t i = first; i < last; ++i) reflections.apply(i, a.data() + j * m);
    });
  }
  // Row j of Q^T is sign(R_jj) H_0 ... H_j e_j: the later reflections leave e_j alone.
  parallel_for((k + group - 1) / group, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t above = begin * group; above < std::min(k, end * group); above += group) {
      const std::int64_t below = std::min(k, above + group);
      std::fill(out + above * m, out + below * m, 0.0);
      for (std::int64_t j = above; j < below; ++j)
        out[j * m + j] = sign[static_cast<std::size_t>(j)];
      for (std::int64_t i = below - 1; i >= 0; --i)
        for (std::int64_t j = std::max(i, above); j < below; ++j) reflections.apply(i, out + j * m);
    }
  });
}

}  // namespace saddlescape::streams
