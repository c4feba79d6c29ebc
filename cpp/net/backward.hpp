// Second derivatives of the loss in the pre-activations, going backward (the equations stand in
// assembly.hpp). Matrices (d_l, d_m, n), samples last; of a symmetric one the rows (p, i), p <= i,
// one after the other.
#pragma once

#include <algorithm>
#include <vector>

#include "core/blas.hpp"
#include "core/parallel.hpp"
#include "net/sample_major.hpp"

namespace saddlescape::net {

using Matrix = std::vector<double>;

// Where row (p, i), p <= i, of a symmetric matrix of d rows stands.
inline std::int64_t upper_row(std::int64_t d, std::int64_t p, std::int64_t i) {
  return p * d - p * (p - 1) / 2 + i - p;
}

// The whole of a symmetric matrix.
inline void unpack(std::int64_t d, std::int64_t n, const Matrix& upper, Matrix& S) {
  S.resize(static_cast<std::size_t>(d * d * n));
  for (std::int64_t p = 0; p < d; ++p)
    for (std::int64_t i = 0; i < d; ++i)
      std::copy_n(upper.data() + upper_row(d, std::min(p, i), std::max(p, i)) * n, n,
                  S.data() + (p * d + i) * n);
}

// S_LL, its upper triangle: the loss's own Hessian in the outputs.
inline void loss_curvature(const SampleMajor& samples, Part part, Matrix& upper) {
  const std::int64_t C = samples.net().outputs(), n = samples.n();
  upper.assign(static_cast<std::size_t>(C * (C + 1) / 2 * n), 0.0);
  if (part == Part::functional) return;
  std::vector<double> unit(static_cast<std::size_t>(C)), column(unit);
  with_loss(samples.net(), [&](auto loss) {
    const std::int64_t width = loss.kept(C);
    for (std::int64_t c = 0; c < C; ++c) {
      unit[c] = 1;
      for (std::int64_t i = 0; i < n; ++i) {
        loss.product(samples.kept() + i * width, C, unit.data(), column.data());
        for (std::int64_t r = 0; r <= c; ++r)
          upper[upper_row(C, r, c) * n + i] = column[r] * samples.scale(i);
      }
      unit[c] = 0;
    }
  });
}

// X[p, i] *= by[p], where a row of X has `across` entries.
inline void scale_rows(Matrix& X, const double* by, std::int64_t rows, std::int64_t across,
                       std::int64_t n) {
  parallel_for(rows * across, 1 + 20'000 / n, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const double* factor = by + row / across * n;
      double* x = X.data() + row * n;
      for (std::int64_t i = 0; i < n; ++i) x[i] *= factor[i];
    }
  });
}

// X <- phi'(s_l) (W_{l+1}^T X): X (above, across, n) becomes (d_l, across, n).
inline void descend(const SampleMajor& samples, std::int64_t l, std::int64_t across,
                    std::int64_t above, Matrix& X) {
  const std::int64_t d = samples.net().sizes[l], n = samples.n();
  Matrix out(static_cast<std::size_t>(d * across * n));
  blas::gemm(blas::Op::transpose, blas::Op::none, d, across * n, above, 1.0, samples.W(l + 1), d,
             X.data(), across * n, 0.0, out.data(), across * n);
  scale_rows(out, samples.slope(l), d, across, n);
  X.swap(out);
}

// S_ll, its upper triangle, from S_l,l+1 (d_l, d_{l+1}, n): the other side, and the diagonal, which
// is no part of the Gauss-Newton matrix.
inline void other_side(const SampleMajor& samples, std::int64_t l, Part part, const Matrix& S,
                       Matrix& upper) {
  const std::int64_t d = samples.net().sizes[l], above = samples.net().sizes[l + 1];
  const std::int64_t n = samples.n();
  upper.resize(static_cast<std::size_t>(d * (d + 1) / 2 * n));
  parallel_for(d, 1 + 400'000 / (d * above * n), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      double* rows = upper.data() + upper_row(d, p, p) * n;
      blas::gemm(blas::Op::transpose, blas::Op::none, d - p, n, above, 1.0, samples.W(l + 1) + p, d,
                 S.data() + p * above * n, n, 0.0, rows, n);
      const double* slope = samples.slope(l) + p * n;
      for (std::int64_t k = 0; k < (d - p) * n; ++k) rows[k] *= slope[k];
      if (part == Part::gauss_newton) continue;
      for (std::int64_t i = 0; i < n; ++i) rows[i] += samples.bend(l)[p * n + i];
    }
  });
}

// D_lm (d_l, d_{l+1}, n) for m = l + 2: phi'(s_l)[p] W_{l+1}[j, p] phi'(s_{l+1})[j].
inline void neighbour_slopes(const SampleMajor& samples, std::int64_t l, Matrix& D) {
  const std::int64_t d = samples.net().sizes[l], above = samples.net().sizes[l + 1];
  const std::int64_t n = samples.n();
  D.resize(static_cast<std::size_t>(d * above * n));
  for (std::int64_t p = 0; p < d; ++p)
    for (std::int64_t j = 0; j < above; ++j) {
      const double weight = samples.W(l + 1)[j * d + p];
      const double *inner = samples.slope(l) + p * n, *outer = samples.slope(l + 1) + j * n;
      double* out = D.data() + (p * above + j) * n;
      for (std::int64_t i = 0; i < n; ++i) out[i] = inner[i] * weight * outer[i];
    }
}

}  // namespace saddlescape::net
