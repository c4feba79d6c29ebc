// The kernels of the tangents of layers that normalise: net/normalise.hpp's equations for k vectors
// at once, (d, k, n).
#pragma once

#include <cstdint>

#include "cuda/net/layered_kernels.hpp"
#include "cuda/net/layered_tangent_launches.hpp"

namespace saddlescape::cuda {
namespace {

// Where the numbers of a unit, a vector and sample i stand.
template <class T>
struct TangentPlace {
  const NormalisedLayer<T>& layer;
  const TangentLayer<T>& tangent;
  std::int64_t unit, vector, i;

  SADDLESCAPE_HOST_DEVICE std::int64_t row() const { return unit * tangent.k + vector; }
  SADDLESCAPE_HOST_DEVICE std::int64_t at() const { return row() * layer.n + i; }
  SADDLESCAPE_HOST_DEVICE std::int64_t of() const { return unit * layer.n + i; }
  // Of the layer's statistics, and of their tangents.
  SADDLESCAPE_HOST_DEVICE std::int64_t group() const { return layer.group(unit, i); }
  SADDLESCAPE_HOST_DEVICE std::int64_t means() const {
    return layer.by_sample ? vector * layer.n + i : row();
  }
  SADDLESCAPE_HOST_DEVICE T Rgamma() const { return tangent.V[vector * tangent.step + unit]; }
  SADDLESCAPE_HOST_DEVICE T Rbeta() const {
    return tangent.V[vector * tangent.step + layer.d + unit];
  }
};

template <class T>
struct AddBiases {
  T* Rs;
  const T* bias;
  std::int64_t step, k, n;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, n, [&](std::int64_t row, std::int64_t i) {
      Rs[row * n + i] += bias[row % k * step + row / k];
    });
  }
};

// A column for each vector and sample.
template <class T>
struct TangentSampleMeans {
  NormalisedLayer<T> layer;
  const T* Rs;
  std::int64_t k;
  T *q1, *q2;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED Waiting waiting;
    const auto units = static_cast<double>(layer.d);
    const std::int64_t columns = k * layer.n;
    sum_pairs<samples_of_block>(
        block, columns, layer.d, waiting,
        [&](std::int64_t column, std::int64_t unit, double& a, double& b) {
          const auto own = static_cast<double>(Rs[unit * columns + column]);
          a += own;
          b += own * static_cast<double>(layer.xhat[unit * layer.n + column % layer.n]);
        },
        [&](std::int64_t column, double a, double b) {
          q1[column] = static_cast<T>(a / units), q2[column] = static_cast<T>(b / units);
        });
  }
};

template <class T>
struct TangentBatchMeans {
  NormalisedLayer<T> layer;
  TangentLayer<T> tangent;
  T *q1, *q2;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    const auto N = static_cast<double>(layer.n);
    const std::int64_t rows = layer.d * tangent.k;
    each(block, rows, [&](std::int64_t row) {
      q1[row] = static_cast<T>(tangent.sums[row] / N);
      q2[row] = static_cast<T>(tangent.sums[rows + row] / N);
    });
  }
};

template <class T>
struct TangentNormalise {
  NormalisedLayer<T> layer;
  TangentLayer<T> tangent;
  T *Rs, *Rxhat;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, layer.n, [&](std::int64_t row, std::int64_t i) {
      const TangentPlace<T> place{layer, tangent, row / tangent.k, row % tangent.k, i};
      const std::int64_t at = place.at(), means = place.means();
      const T xhat = layer.xhat[place.of()];
      T inside = Rs[at];
      if (tangent.q1) inside = inside - tangent.q1[means] - xhat * tangent.q2[means];
      Rxhat[at] = layer.inverse[place.group()] * inside;
      Rs[at] = place.Rgamma() * xhat + layer.gamma[place.unit] * Rxhat[at] + place.Rbeta();
    });
  }
};

// Rdxhat = Rgamma du + gamma Rdu
template <class T>
SADDLESCAPE_KERNEL inline T tangent_of_dxhat(const TangentPlace<T>& place, const T* Rdu) {
  const T own = place.layer.gamma[place.unit] * Rdu[place.at()];
  return place.tangent.bends ? place.Rgamma() * place.layer.du[place.of()] + own : own;
}

template <class T>
struct BackSampleMeans {
  NormalisedLayer<T> layer;
  TangentLayer<T> tangent;
  const T* Rdu;
  T *Rm1, *Rm2;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED Waiting waiting;
    const auto units = static_cast<double>(layer.d);
    sum_pairs<samples_of_block>(
        block, tangent.k * layer.n, layer.d, waiting,
        [&](std::int64_t column, std::int64_t unit, double& a, double& b) {
          const TangentPlace<T> place{layer, tangent, unit, column / layer.n, column % layer.n};
          const std::int64_t of = place.of();
          const auto Rdxhat = static_cast<double>(tangent_of_dxhat(place, Rdu));
          a += Rdxhat, b += Rdxhat * static_cast<double>(layer.xhat[of]);
          if (tangent.bends)
            b += static_cast<double>(layer.gamma[unit] * layer.du[of]) *
                 static_cast<double>(tangent.Rxhat[place.at()]);
        },
        [&](std::int64_t column, double a, double b) {
          Rm1[column] = static_cast<T>(a / units), Rm2[column] = static_cast<T>(b / units);
        });
  }
};

// <Rdxhat> = Rgamma dL/dbeta / N + gamma R{dL/dbeta} / N, and with gamma in beta's place.
template <class T>
struct BackBatchMeans {
  NormalisedLayer<T> layer;
  TangentLayer<T> tangent;
  T *Rm1, *Rm2;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    const auto N = static_cast<double>(layer.n);
    const std::int64_t rows = layer.d * tangent.k;
    each(block, rows, [&](std::int64_t row) {
      const TangentPlace<T> place{layer, tangent, row / tangent.k, row % tangent.k, 0};
      const std::int64_t unit = place.unit;
      const T gamma = layer.gamma[unit], Rgamma = tangent.bends ? place.Rgamma() : T(0);
      Rm1[row] = gamma * static_cast<T>(tangent.sums[row] / N) +
                 Rgamma * static_cast<T>(layer.sums[unit] / N);
      Rm2[row] = gamma * static_cast<T>(tangent.sums[rows + row] / N) +
                 Rgamma * static_cast<T>(layer.sums[layer.d + unit] / N);
    });
  }
};

template <class T>
struct TangentUnnormalise {
  NormalisedLayer<T> layer;
  TangentLayer<T> tangent;
  T* Rdu;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, layer.n, [&](std::int64_t row, std::int64_t i) {
      const TangentPlace<T> place{layer, tangent, row / tangent.k, row % tangent.k, i};
      const std::int64_t at = place.at(), of = place.of(), g = place.group(), means = place.means();
      T inside = tangent_of_dxhat(place, Rdu);
      if (tangent.Rm1) {
        inside = inside - tangent.Rm1[means] - layer.xhat[of] * tangent.Rm2[means];
        if (tangent.bends)
          inside = inside - tangent.Rxhat[at] * layer.m2[g] - tangent.q2[means] * layer.ds[of];
      }
      Rdu[at] = layer.inverse[g] * inside;
    });
  }
};

}  // namespace
}  // namespace saddlescape::cuda
