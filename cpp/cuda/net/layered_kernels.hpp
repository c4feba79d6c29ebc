// The kernels of hidden layers that normalise, drop units out or are skipped: net/normalise.hpp's
// equations on matrices (d, n), samples last.
#pragma once

#include <cstdint>

#include "cuda/net/layered_launches.hpp"
#include "cuda/net/rows.hpp"
#include "net/normalise.hpp"

namespace saddlescape::cuda {
namespace {

// A warp's threads look at samples that lie side by side. Of sums over units a block takes no more
// samples than fill one access to memory, so that a short batch has work for the whole device.
constexpr int samples_of_block = 8;

inline std::int64_t sample_blocks(std::int64_t samples) {
  return (samples + samples_of_block - 1) / samples_of_block;
}

struct Waiting {
  double first[block_threads], second[block_threads];
};

// Two sums of `length` terms for each of a block's `across` columns, in float64 and in an order
// that the length alone gives: add(column, i, a, b), then write(column, a, b) once, and a barrier.
template <int across, class Add, class Write>
SADDLESCAPE_KERNEL inline void sum_pairs(const Block& block, std::int64_t columns,
                                         std::int64_t length, Waiting& waiting, const Add& add,
                                         const Write& write) {
  const std::int64_t base = block.index() * across;
  block.phase([&](int thread) {
    const std::int64_t column = base + thread % across;
    double a = 0, b = 0;
    for (std::int64_t i = thread / across; column < columns && i < length;
         i += block_threads / across)
      add(column, i, a, b);
    waiting.first[thread] = a, waiting.second[thread] = b;
  });
  for (int half = block_threads / 2; half >= across; half /= 2)
    block.phase([&](int thread) {
      if (thread >= half) return;
      waiting.first[thread] += waiting.first[thread + half];
      waiting.second[thread] += waiting.second[thread + half];
    });
  block.phase([&](int thread) {
    if (thread < across && base + thread < columns)
      write(base + thread, waiting.first[thread], waiting.second[thread]);
  });
}

// Mean, then the mean square off it: in two passes, so that nothing cancels. of_samples: each
// sample's over the units, else each unit's over the samples.
template <class T, bool of_samples>
struct Moments {
  const T *s, *bias;
  std::int64_t d, n;
  double *means, *variances;  // may be null
  T *mean, *inverse;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    constexpr int across = of_samples ? samples_of_block : 1;
    SADDLESCAPE_SHARED Waiting waiting;
    SADDLESCAPE_SHARED double own[across];
    const std::int64_t columns = of_samples ? n : d, length = of_samples ? d : n;
    const auto value = [&](std::int64_t column, std::int64_t i) {
      const std::int64_t unit = of_samples ? i : column, sample = of_samples ? column : i;
      const T at = s[unit * n + sample];
      return static_cast<double>(bias ? at + bias[unit] : at);
    };
    sum_pairs<across>(
        block, columns, length, waiting,
        [&](std::int64_t column, std::int64_t i, double& a, double&) { a += value(column, i); },
        [&](std::int64_t column, double a, double) {
          const double average = a / static_cast<double>(length);
          own[column % across] = average;
          mean[column] = static_cast<T>(average);
          if (means) means[column] = average;
        });
    sum_pairs<across>(
        block, columns, length, waiting,
        [&](std::int64_t column, std::int64_t i, double& a, double&) {
          const double off = value(column, i) - own[column % across];
          a += off * off;
        },
        [&](std::int64_t column, double a, double) {
          const double variance = a / static_cast<double>(length);
          inverse[column] = net::inverse_deviation<T>(variance);
          if (variances) variances[column] = variance;
        });
  }
};

template <class T>
struct GivenMoments {
  const double *means, *variances;
  std::int64_t d;
  T *mean, *inverse;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    each(block, d, [&](std::int64_t j) {
      mean[j] = static_cast<T>(means[j]);
      inverse[j] = net::inverse_deviation<T>(variances[j]);
    });
  }
};

template <class T>
struct Normalise {
  NormalisedLayer<T> layer;
  const T* mean;
  T* s;
  const T* bias;
  T* u;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, layer.n, [&](std::int64_t unit, std::int64_t i) {
      const std::int64_t at = unit * layer.n + i, g = layer.group(unit, i);
      const T own = bias ? s[at] + bias[unit] : s[at];
      s[at] = (own - mean[g]) * layer.inverse[g];
      u[at] = s[at] * layer.gamma[unit] + layer.beta()[unit];
    });
  }
};

template <class T>
struct Finish {
  Mask<T> mask;
  T *values, *slope, *bend;
  Skip<T> skip;
  std::int64_t n;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, n, [&](std::int64_t unit, std::int64_t i) {
      const std::int64_t at = unit * n + i;
      const T factor = mask.factor(unit, i);
      values[at] *= factor;
      if (slope) slope[at] *= factor;
      if (bend) bend[at] *= factor;
      if (skip.data) values[at] += skip.data[unit * skip.unit + i * skip.sample];
    });
  }
};

template <class T>
struct Masked {
  Mask<T> mask;
  const T *from, *skip;
  T* to;
  std::int64_t k, n;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, n, [&](std::int64_t row, std::int64_t i) {
      const std::int64_t at = row * n + i;
      const T own = from[at] * mask.factor(row / k, i);
      to[at] = skip ? own + skip[at] : own;
    });
  }
};

// A block for each unit and vector.
template <class T>
struct UnitPairs {
  const T *x, *y, *z, *w;
  std::int64_t rows, k, n;
  double* sums;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED Waiting waiting;
    sum_pairs<1>(
        block, rows, n, waiting,
        [&](std::int64_t row, std::int64_t i, double& a, double& b) {
          const std::int64_t at = row * n + i, of = row / k * n + i;
          a += static_cast<double>(x[at]);
          b += static_cast<double>(x[at]) * static_cast<double>(y[of]);
          if (z) b += static_cast<double>(z[of]) * static_cast<double>(w[at]);
        },
        [&](std::int64_t row, double a, double b) { sums[row] = a, sums[rows + row] = b; });
  }
};

template <class T>
struct WritePairs {
  const double* sums;
  std::int64_t rows, k;
  T *shift, *scale;
  std::int64_t step;
  bool add;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    each(block, rows, [&](std::int64_t row) {
      const std::int64_t to = row % k * step + row / k;
      shift[to] = static_cast<T>((add ? static_cast<double>(shift[to]) : 0.0) + sums[row]);
      scale[to] = static_cast<T>((add ? static_cast<double>(scale[to]) : 0.0) + sums[rows + row]);
    });
  }
};

template <class T>
struct SampleMeans {
  NormalisedLayer<T> layer;
  T *m1, *m2;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED Waiting waiting;
    const auto units = static_cast<double>(layer.d);
    sum_pairs<samples_of_block>(
        block, layer.n, layer.d, waiting,
        [&](std::int64_t i, std::int64_t unit, double& a, double& b) {
          const std::int64_t at = unit * layer.n + i;
          const auto dxhat = static_cast<double>(layer.gamma[unit] * layer.du[at]);
          a += dxhat, b += dxhat * static_cast<double>(layer.xhat[at]);
        },
        [&](std::int64_t i, double a, double b) {
          m1[i] = static_cast<T>(a / units), m2[i] = static_cast<T>(b / units);
        });
  }
};

// <dxhat> = gamma dL/dbeta / N, <dxhat xhat> = gamma dL/dgamma / N.
template <class T>
struct BatchMeans {
  NormalisedLayer<T> layer;
  T *m1, *m2;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    const auto N = static_cast<double>(layer.n);
    each(block, layer.d, [&](std::int64_t j) {
      m1[j] = layer.gamma[j] * static_cast<T>(layer.sums[j] / N);
      m2[j] = layer.gamma[j] * static_cast<T>(layer.sums[layer.d + j] / N);
    });
  }
};

template <class T>
struct Unnormalise {
  NormalisedLayer<T> layer;
  T* ds;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, layer.n, [&](std::int64_t unit, std::int64_t i) {
      const std::int64_t at = unit * layer.n + i, g = layer.group(unit, i);
      T inside = layer.gamma[unit] * layer.du[at];
      if (layer.m1) inside = inside - layer.m1[g] - layer.xhat[at] * layer.m2[g];
      ds[at] = layer.inverse[g] * inside;
    });
  }
};

}  // namespace
}  // namespace saddlescape::cuda
