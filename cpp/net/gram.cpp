#include "net/gram.hpp"

#include <algorithm>
#include <vector>

#include "core/blas.hpp"
#include "core/parallel.hpp"
#include "net/mirror.hpp"
#include "net/pass.hpp"

namespace saddlescape::net {
namespace {

using Matrix = std::vector<double>;
using blas::Op;

constexpr std::int64_t tile_rows = 256;  // about so many rows (n, c) in a tile

// Rows (n, c) of R, times the root of what each sample weighs in the mean.
Matrix roots(const Pass<double>& pass, const Batch<double>& batch) {
  const std::int64_t C = pass.net().outputs();
  Matrix rows(static_cast<std::size_t>(batch.N * C * C));
  with_loss(pass.net(), [&](auto loss) {
    for (std::int64_t n = 0; n < batch.N; ++n)
      loss.root(pass.outputs() + n * C, batch.Y + n * C, C, rows.data() + n * C * C);
  });
  for (std::int64_t n = 0; n < batch.N; ++n) {
    const double weight = std::sqrt(pass.scale() * batch.weight_of(n));
    for (std::int64_t k = 0; k < C * C; ++k) rows[n * C * C + k] *= weight;
  }
  return rows;
}

// d_l (N C, d_l) from d_{l+1}: (d_{l+1} W_{l+1}) phi'(s_l).
Matrix carried_back(const Pass<double>& pass, std::int64_t N, std::int64_t l, const Matrix& above) {
  const std::int64_t C = pass.net().outputs(), d = pass.d(l), d_above = pass.d(l + 1);
  Matrix rows(static_cast<std::size_t>(N * C * d));
  blas::gemm(Op::none, Op::none, N * C, d, d_above, 1.0, above.data(), d_above, pass.W(l + 1), d,
             0.0, rows.data(), d);
  for (std::int64_t row = 0; row < N * C; ++row)
    for (std::int64_t j = 0; j < d; ++j) rows[row * d + j] *= pass.slope(l)[row / C * d + j];
  return rows;
}

// K += (d_l d_l^T) (a a^T + 1, the 1 with a bias), for samples n <= n'.
void add_layer(const Pass<double>& pass, std::int64_t l, const Matrix& rows, double* K) {
  const std::int64_t N = pass.n(), C = pass.net().outputs(), d = pass.d(l), d_in = pass.d(l - 1);
  const double* a = pass.input(l);
  const double one = pass.net().bias ? 1 : 0;
  const std::int64_t samples = std::max<std::int64_t>(1, tile_rows / C);
  const std::int64_t tiles = (N + samples - 1) / samples;
  parallel_for(tiles * tiles, 1, [&](std::int64_t begin, std::int64_t end) {
    Matrix inputs(static_cast<std::size_t>(samples * samples));
    Matrix outputs(static_cast<std::size_t>(samples * samples * C * C));
    for (std::int64_t tile = begin; tile < end; ++tile) {
      const std::int64_t n0 = tile / tiles * samples, m0 = tile % tiles * samples;
      if (m0 < n0) continue;
      const std::int64_t rows_n = std::min(samples, N - n0), rows_m = std::min(samples, N - m0);
      blas::gemm(Op::none, Op::transpose, rows_n, rows_m, d_in, 1.0, a + n0 * d_in, d_in,
                 a + m0 * d_in, d_in, 0.0, inputs.data(), rows_m);
      blas::gemm(Op::none, Op::transpose, rows_n * C, rows_m * C, d, 1.0, rows.data() + n0 * C * d,
                 d, rows.data() + m0 * C * d, d, 0.0, outputs.data(), rows_m * C);
      for (std::int64_t r = 0; r < rows_n * C; ++r)
        for (std::int64_t c = 0; c < rows_m * C; ++c)
          K[(n0 * C + r) * N * C + m0 * C + c] +=
              outputs[r * rows_m * C + c] * (inputs[r / C * rows_m + c / C] + one);
    }
  });
}

}  // namespace

void gauss_newton_gram(const Architecture& net, const double* theta, const Batch<double>& batch,
                       double* K) {
  const std::int64_t size = batch.N * net.outputs();
  std::fill_n(K, size * size, 0.0);
  const Weights<double> weights(net, Layout::plain, theta);
  Pass<double> pass(weights, batch.N, batch.N);
  pass.forward(batch, Need::slopes);
  Matrix rows = roots(pass, batch);
  for (std::int64_t l = net.layers(); l >= 1; --l) {
    if (l < net.layers()) rows = carried_back(pass, batch.N, l, rows);
    add_layer(pass, l, rows, K);
  }
  mirror(K, size, 0, size, size);
}

}  // namespace saddlescape::net
