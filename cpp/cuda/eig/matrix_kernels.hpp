// The kernels of matrix.hpp.
#pragma once

#include <cstdint>

#include "cuda/block.hpp"
#include "cuda/eig/loops.hpp"

namespace saddlescape::cuda::eig {

// What a tile of A is off by from its transpose: the largest |a_ij - a_ji|, unscaled, and where;
// the sum of their squares, scaled.
struct TileAsymmetry {
  double largest, squares;
  std::int64_t row, column;
};

namespace {

SADDLESCAPE_HOST_DEVICE inline double magnitude(double x) { return x < 0 ? -x : x; }

template <class T>
struct Magnitude {
  const T* a;
  std::int64_t n;
  SADDLESCAPE_KERNEL double operator()(std::int64_t i, std::int64_t j) const {
    return magnitude(static_cast<double>(a[i * n + j]));
  }
};

constexpr int tile = 32;

// S + shift I from A, a block for each pair of tiles (I, J), of which those above the diagonal have
// nothing to do.
template <class T>
struct Symmetrise {
  std::int64_t n, tiles;
  const T* a;
  double first, second, shift;  // x first second is x on the scale of S
  double* s;
  TileAsymmetry* found;  // of tile I, J <= I: at I (I + 1) / 2 + J

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED double turned[tile][tile + 1];
    SADDLESCAPE_SHARED double mean[tile][tile + 1];
    SADDLESCAPE_SHARED TileAsymmetry parts[block_threads];
    const std::int64_t I = block.index() / tiles, J = block.index() % tiles;
    if (J > I) return;
    block.phase([&](int thread) {
      over_tile(thread, J, I, [&](int r, int c, std::int64_t j, std::int64_t i) {
        turned[c][r] = static_cast<double>(a[j * n + i]);
      });
    });
    block.phase([&](int thread) { parts[thread] = means_of(thread, I, J, turned, mean); });
    block.phase([&](int thread) {
      if (s && I != J)
        over_tile(thread, J, I,
                  [&](int r, int c, std::int64_t j, std::int64_t i) { s[j * n + i] = mean[c][r]; });
    });
    block.all([&](int thread) {
      if (thread != 0) return;
      TileAsymmetry whole = parts[0];
      for (int k = 1; k < block_threads; ++k) {
        const double squares = whole.squares + parts[k].squares;
        if (parts[k].largest > whole.largest) whole = parts[k];
        whole.squares = squares;
      }
      found[I * (I + 1) / 2 + J] = whole;
    });
  }

 private:
  // visit(r, c, row, column) for a thread's elements of a tile.
  template <class Visit>
  SADDLESCAPE_KERNEL void over_tile(int thread, std::int64_t rows, std::int64_t columns,
                                    const Visit& visit) const {
    const int c = thread % tile;
    for (int r = thread / tile; r < tile; r += block_threads / tile) {
      const std::int64_t i = rows * tile + r, j = columns * tile + c;
      if (i < n && j < n) visit(r, c, i, j);
    }
  }

  SADDLESCAPE_KERNEL TileAsymmetry means_of(int thread, std::int64_t I, std::int64_t J,
                                            const double (*turned)[tile + 1],
                                            double (*mean)[tile + 1]) const {
    TileAsymmetry part{0, 0, 0, 0};
    over_tile(thread, I, J, [&](int r, int c, std::int64_t i, std::int64_t j) {
      const double here = static_cast<double>(a[i * n + j]), there = turned[r][c];
      const double lower = here * first * second, upper = there * first * second;
      // Halves are exact, so an exactly symmetric A passes unchanged.
      mean[r][c] = 0.5 * lower + 0.5 * upper;
      if (i == j) mean[r][c] += shift;
      if (s) s[i * n + j] = mean[r][c];
      if (i <= j) return;
      const double difference = magnitude(here - there);
      if (difference > part.largest) part = {difference, part.squares, i, j};
      part.squares += (lower - upper) * (lower - upper);
    });
    return part;
  }
};

struct Unscale {
  double first, second;
  double* w;
  SADDLESCAPE_KERNEL void operator()(std::int64_t i) const { w[i] = w[i] * first * second; }
};

}  // namespace
}  // namespace saddlescape::cuda::eig
