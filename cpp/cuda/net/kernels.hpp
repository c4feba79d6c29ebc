// The kernels between the products of a network. The scalar formulas are the CPU's: net/activation
// and net/loss.
//
// Of a chunk of n samples, matrices of hidden layers are (d, n), samples last; the outputs' are (n,
// C), since a loss looks at a sample's outputs one beside the other.
#pragma once

#include <cstdint>

#include "cuda/net/rows.hpp"
#include "net/loss.hpp"

namespace saddlescape::cuda {
namespace {

// to[i] = from[order[i]], rows of d numbers.
template <class T>
struct Gather {
  const T* from;
  const std::int64_t* order;
  T* to;
  std::int64_t d;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, d,
           [&](std::int64_t i, std::int64_t j) { to[i * d + j] = from[order[i] * d + j]; });
  }
};

// (rows, columns) -> (columns, rows).
template <class T>
struct Transpose {
  const T* from;
  T* to;
  std::int64_t rows, columns;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, rows, [&](std::int64_t column, std::int64_t row) {
      to[column * rows + row] = from[row * columns + column];
    });
  }
};

template <class T>
struct Fill {
  T* to;
  T value;
  std::int64_t n;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    each(block, n, [&](std::int64_t i) { to[i] = value; });
  }
};

// f (n, C) += b.
template <class T>
struct AddBias {
  T* f;
  const T* bias;
  std::int64_t C;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, C, [&](std::int64_t i, std::int64_t c) { f[i * C + c] += bias[c]; });
  }
};

// z = a + b becomes phi(z), with phi'(z) and phi''(z) where they are asked for.
template <class Phi, class T>
struct Activate {
  T* a;
  const T* bias;
  T *slope, *curvature;
  std::int64_t n;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, n, [&](std::int64_t unit, std::int64_t i) {
      const std::int64_t at = unit * n + i;
      const net::Jet<T> jet = Phi::derivatives(bias ? a[at] + bias[unit] : a[at]);
      a[at] = jet.value;
      if (slope) slope[at] = jet.slope;
      if (curvature) curvature[at] = jet.curvature;
    });
  }
};

// What a loss needs of a chunk.
template <class T>
struct Targets {
  const T *Y, *weight;  // (n, C); (n,), or null
  T scale;              // 1 / N or 1 / (N C)
  std::int64_t n, C;

  SADDLESCAPE_HOST_DEVICE T scale_of(std::int64_t i) const {
    return weight ? scale * weight[i] : scale;
  }
};

// f += b, w loss(f, y) and, where they are asked for, delta = dL/df and what products with the
// loss's Hessian need.
template <class Loss, class T>
struct LossOf {
  Loss loss;
  Targets<T> targets;
  T* f;
  const T* bias;
  double* losses;
  T *delta, *kept;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    const std::int64_t C = targets.C;
    each(block, targets.n, [&](std::int64_t i) {
      T* const own = f + i * C;
      const T* const y = targets.Y + i * C;
      for (std::int64_t c = 0; bias && c < C; ++c) own[c] += bias[c];
      losses[i] = static_cast<double>(loss.value(own, y, C)) *
                  (targets.weight ? static_cast<double>(targets.weight[i]) : 1.0);
      if (!delta) return;
      loss.gradient(own, y, C, delta + i * C);
      const T scale = targets.scale_of(i);
      for (std::int64_t c = 0; c < C; ++c) delta[i * C + c] *= scale;
      if (kept) loss.keep(own, y, C, kept + i * loss.kept(C));
    });
  }
};

// The mean of the losses, or a chunk's part of it; one block.
struct MeanLoss {
  const double* losses;
  double* value;
  double terms;
  std::int64_t n;
  bool add;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED double waiting[block_threads];
    sum_in_order(
        block, n, waiting, [&](std::int64_t i) { return losses[i]; },
        [&](double sum) { *value = (add ? *value : 0) + sum / terms; });
  }
};

// back becomes delta = back phi'(s), and phi''(s) becomes back phi''(s) where it is asked for.
template <class T>
struct Chain {
  const T *back, *slope;
  T *bend, *delta;
  std::int64_t n;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    each(block, n, [&](std::int64_t i) {
      const T own = back[i];
      if (bend) bend[i] *= own;
      delta[i] = own * slope[i];
    });
  }
};

// A matrix (units, vectors, n) by where its numbers stand, all of its steps in numbers.
template <class T>
struct Sheet {
  T* data;
  std::int64_t unit, vector, sample;
};

// out[vector * step + unit] = sum over the samples of a sheet; a block for each.
template <class T>
struct RowSums {
  Sheet<const T> rows;
  std::int64_t units, n;
  T* out;
  std::int64_t step;
  bool add;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED double waiting[block_threads];
    const std::int64_t vector = block.index() / units, unit = block.index() % units;
    const T* const row = rows.data + unit * rows.unit + vector * rows.vector;
    T* const to = out + vector * step + unit;
    sum_in_order(
        block, n, waiting,
        [&](std::int64_t i) { return static_cast<double>(row[i * rows.sample]); },
        [&](double sum) { *to = static_cast<T>(add ? static_cast<double>(*to) + sum : sum); });
  }
};

// Of k vectors v, in (d, k, n): R{s} += v_b, R{a} = phi'(s) R{s}.
template <class T>
struct TangentForward {
  T* Rs;
  const T* bias;  // of the first vector, the next one's `step` behind it; or null
  std::int64_t step;
  const T* slope;
  T* Ra;
  std::int64_t k, n;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, n, [&](std::int64_t row, std::int64_t i) {
      const std::int64_t unit = row / k, at = row * n + i;
      if (bias) Rs[at] += bias[row % k * step + unit];
      Ra[at] = slope[unit * n + i] * Rs[at];
    });
  }
};

// R{delta} = R{back} phi'(s) + (back phi''(s)) R{s}, the second term where bend is not null.
template <class T>
struct TangentBackward {
  const T *Rback, *slope, *bend, *Rs;
  T* Rdelta;
  std::int64_t k, n;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, n, [&](std::int64_t row, std::int64_t i) {
      const std::int64_t at = row * n + i, of = row / k * n + i;
      const T own = Rback[at] * slope[of];
      Rdelta[at] = bend ? own + bend[of] * Rs[at] : own;
    });
  }
};

// R{f} += v_b, R{delta_L} = (d2L/df2) R{f}, (k, n, C).
template <class Loss, class T>
struct LossProduct {
  Loss loss;
  Targets<T> targets;
  const T* kept;
  T* Rf;
  const T* bias;
  std::int64_t step;
  T* Rdelta;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    const std::int64_t C = targets.C;
    in_row(block, targets.n, [&](std::int64_t j, std::int64_t i) {
      const std::int64_t at = (j * targets.n + i) * C;
      for (std::int64_t c = 0; bias && c < C; ++c) Rf[at + c] += bias[j * step + c];
      loss.product(kept + i * loss.kept(C), C, Rf + at, Rdelta + at);
      const T scale = targets.scale_of(i);
      for (std::int64_t c = 0; c < C; ++c) Rdelta[at + c] *= scale;
    });
  }
};

}  // namespace
}  // namespace saddlescape::cuda
