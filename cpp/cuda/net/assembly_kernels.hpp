// The kernels of the dense Hessian (net/assembly.hpp has the equations). Matrices are (..., n),
// samples last.
#pragma once

#include <cstdint>

#include "cuda/net/kernels.hpp"
#include "cuda/net/pairs.hpp"

namespace saddlescape::cuda {
namespace {

// Row (p, i), p <= i, of S_LL: column i of the loss's Hessian in the outputs, by products with unit
// vectors. `unit` and `column` have C numbers for each (i, sample).
template <class Loss>
struct LossCurvature {
  Loss loss;
  Targets<double> targets;
  const double* kept;
  double *unit, *column, *upper;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    const std::int64_t n = targets.n, C = targets.C;
    const Pairs pairs = Pairs{Pairs::Kind::ordered, C, C};
    in_row(block, n, [&](std::int64_t i, std::int64_t sample) {
      double* const e = unit + (i * n + sample) * C;
      double* const h = column + (i * n + sample) * C;
      for (std::int64_t c = 0; c < C; ++c) e[c] = c == i ? 1 : 0;
      loss.product(kept + sample * loss.kept(C), C, e, h);
      const double scale = targets.scale_of(sample);
      for (std::int64_t p = 0; p <= i; ++p)
        upper[(pairs.start(p) + i - p) * n + sample] = h[p] * scale;
    });
  }
};

// A symmetric S (d, d, n) from its rows (p, i), p <= i.
struct Unpack {
  const double* upper;
  double* S;
  std::int64_t d, n;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    const Pairs pairs{Pairs::Kind::ordered, d, d};
    in_row(block, n, [&](std::int64_t row, std::int64_t sample) {
      const std::int64_t p = row / d, i = row % d;
      const std::int64_t from = p <= i ? pairs.start(p) + i - p : pairs.start(i) + p - i;
      S[row * n + sample] = upper[from * n + sample];
    });
  }
};

// The other side of S_ll, its upper triangle: whole[p, i] phi'(s)[i] and, unless `bend` is null,
// dL/da phi''(s) on the diagonal.
struct OtherSide {
  const double *whole, *slope, *bend;
  double* upper;
  std::int64_t d, n;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    const Pairs pairs{Pairs::Kind::ordered, d, d};
    in_row(block, n, [&](std::int64_t row, std::int64_t sample) {
      const IndexPair pair = pairs.at(row);
      const double curved = bend && pair.first == pair.second ? bend[pair.first * n + sample] : 0;
      upper[row * n + sample] =
          whole[(pair.first * d + pair.second) * n + sample] * slope[pair.second * n + sample] +
          curved;
    });
  }
};

// X[p, i] *= by[p], where a row of X has `across` entries.
struct ScaleRows {
  double* X;
  const double* by;
  std::int64_t across, n;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, n, [&](std::int64_t row, std::int64_t sample) {
      X[row * n + sample] *= by[row / across * n + sample];
    });
  }
};

// D_lm (d, above, n) for m = l + 2: phi'(s_l)[p] W_{l+1}[j, p] phi'(s_{l+1})[j].
struct NeighbourSlopes {
  const double *inner, *W, *outer;
  double* D;
  std::int64_t d, above, n;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, n, [&](std::int64_t row, std::int64_t sample) {
      const std::int64_t p = row / above, j = row % above;
      D[row * n + sample] = inner[p * n + sample] * W[j * d + p] * outer[j * n + sample];
    });
  }
};

// out[c] = x[first] y[second] for the pairs from `begin` on.
struct RowProducts {
  Pairs pairs;
  std::int64_t begin;
  const double *x, *y;
  double* out;
  std::int64_t n;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, n, [&](std::int64_t row, std::int64_t sample) {
      const IndexPair pair = pairs.at(begin + row);
      out[row * n + sample] = x[pair.first * n + sample] * y[pair.second * n + sample];
    });
  }
};

// A tile of sums over the samples to where it belongs in H: with units (p, i) and inputs (q, j) to
// [(p, q), (i, j)]; crossed, with units (p, j) and sides (q, i), to [(p, q), (i, j)] as well.
struct Scatter {
  const double* tile;
  Pairs units, sides;
  std::int64_t first_unit, first_side, columns;
  Place row, column;
  double* H;
  std::int64_t width;
  bool crossed;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, columns, [&](std::int64_t r, std::int64_t c) {
      const IndexPair unit = units.at(first_unit + r), side = sides.at(first_side + c);
      const std::int64_t to =
          crossed ? column.of(side.second, unit.second) : column.of(unit.second, side.second);
      H[row.of(unit.first, side.first) * width + to] += tile[r * columns + c];
    });
  }
};

// What symmetry gives of the block of layers `row` and `column`: of one layer what stands below the
// diagonal in units or in inputs, of two the whole, from the other side of the diagonal. No number
// is read that another thread writes.
struct Mirror {
  Place row, column;
  std::int64_t columns;
  double* H;
  std::int64_t width;
  bool same;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, columns, [&](std::int64_t r, std::int64_t c) {
      const std::int64_t a = row.offset + r, b = column.offset + c;
      if (!same) {
        H[a * width + b] = H[b * width + a];
        return;
      }
      const IndexPair to = row.at(a), from = column.at(b);
      const bool units = to.first <= from.first, inputs = to.second <= from.second;
      if (units && inputs) return;
      const std::int64_t p = units ? to.first : from.first, i = units ? from.first : to.first;
      const std::int64_t q = inputs ? to.second : from.second;
      const std::int64_t j = inputs ? from.second : to.second;
      H[a * width + b] = H[row.of(p, q) * width + column.of(i, j)];
    });
  }
};

// k unit vectors (k, P) from that of number `first` on.
struct UnitVectors {
  std::int64_t first;
  double* to;
  std::int64_t P;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, P,
           [&](std::int64_t j, std::int64_t i) { to[j * P + i] = i == first + j ? 1.0 : 0.0; });
  }
};

// to (rows, columns) += from, whose rows are `step` apart.
struct AddRows {
  const double* from;
  std::int64_t step;
  double* to;
  std::int64_t columns;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, columns,
           [&](std::int64_t r, std::int64_t c) { to[r * columns + c] += from[r * step + c]; });
  }
};

// H <- (H + H^T) / 2; one thread for both sides.
struct Symmetrise {
  double* H;
  std::int64_t width;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, width, [&](std::int64_t r, std::int64_t c) {
      if (c >= r) return;
      double &one = H[r * width + c], &other = H[c * width + r];
      one = other = 0.5 * one + 0.5 * other;
    });
  }
};

}  // namespace
}  // namespace saddlescape::cuda
