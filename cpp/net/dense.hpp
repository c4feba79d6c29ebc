// Loops of small networks, compiled once for each instruction set (dense_cpu.cpp). Products have
// the same bits from each that fuses multiplication and addition, all else from each.
//
// Matrices have rows of whole vectors of 64 bytes: what stands behind the last column is anything
// and is never looked at.
#pragma once

#include <cstdint>

#include "core/tables.hpp"

namespace saddlescape::net {

// Numbers in 64 bytes.
template <class T>
constexpr std::int64_t lanes = static_cast<std::int64_t>(64 / sizeof(T));

// An operand whose elements may stand anywhere: A[i, l] = data[i * row + l * column].
template <class T>
struct Strided {
  const T* data;
  std::int64_t row, column;
};

template <class T>
struct DenseTable {
  // C = start + A B for A (m, k), B (k, width) and C (m, width); width is a multiple of `lanes`.
  // Every element is one sum over k, in order. `start` is null for zeros, C itself, or one row for
  // all.
  void (*multiply)(Strided<T> A, const T* B, std::int64_t ldb, const T* start, T* C,
                   std::int64_t ldc, std::int64_t m, std::int64_t width, std::int64_t k);
  // out[j] = sum_i rows[i, j] in float64, j < d.
  void (*column_sums)(const T* rows, std::int64_t ld, std::int64_t n, std::int64_t d, T* out);
  // delta = back * slope and, unless it is null, curvature *= back.
  void (*chain)(const T* back, const T* slope, T* curvature, T* delta, std::int64_t n);
  // Ra = slope * Rs.
  void (*tangent_forward)(const T* slope, const T* Rs, T* Ra, std::int64_t n);
  // Rdelta = Rdelta * slope + bend * Rs.
  void (*tangent_backward)(const T* slope, const T* bend, const T* Rs, T* Rdelta, std::int64_t n);
  // to += from.
  void (*add)(const T* from, T* to, std::int64_t n);
};

using DenseKernels = BothPrecisions<DenseTable>;

const DenseKernels& dense_kernels();

}  // namespace saddlescape::net

SADDLESCAPE_TABLES(saddlescape::net::DenseKernels, _dense)
