// What stands between the products of backprop.hpp, compiled once for each instruction set
// (backprop_cpu.cpp), with the same bits from each.
#pragma once

#include <cstdint>

#include "core/tables.hpp"

namespace saddlescape::net {

template <class T>
struct BackpropTable {
  // out (columns, n) with rows of ldo: out[j, i] = rows[i, j] for rows (n, columns) of ld numbers.
  void (*turn)(const T* rows, std::int64_t ld, std::int64_t n, std::int64_t columns, T* out,
               std::int64_t ldo);
  // to (d, width), rows of ldo, from rows of ld.
  void (*copy)(const T* from, std::int64_t ld, std::int64_t d, std::int64_t width, T* to,
               std::int64_t ldo);
  // s[p, i] += b[p] for s (d, width), without gaps.
  void (*add_bias)(const T* b, std::int64_t d, std::int64_t width, T* s);
  // out[p] = sum of row p in float64, or out += it; rows of ld numbers, whole vectors.
  void (*row_sums)(const T* rows, std::int64_t ld, std::int64_t d, T* out, bool add);
  // One sample: out[p] = sum_k W[p, k] x[k] for W (d, k), in a fixed order that is not k's own.
  void (*dots)(const T* W, std::int64_t d, std::int64_t k, const T* x, T* out);
  // One sample: out[j] = sum_p delta[p] W[p, j] for j < width, rows of W of ld numbers.
  void (*combine)(const T* W, std::int64_t ld, std::int64_t d, std::int64_t width, const T* delta,
                  T* out);
  // One sample: g[p, j] = delta[p] a[j] for g (d, width), or g += it.
  void (*outer)(const T* delta, std::int64_t d, const T* a, std::int64_t width, T* g, bool add);
  // delta *= slope.
  void (*times)(const T* slope, T* delta, std::int64_t n);
  // sum |x_i|, in an order of its own.
  T (*size)(const T* x, std::int64_t n);
};

using BackpropKernels = BothPrecisions<BackpropTable>;

const BackpropKernels& backprop_kernels();

}  // namespace saddlescape::net

SADDLESCAPE_TABLES(saddlescape::net::BackpropKernels, _backprop)
