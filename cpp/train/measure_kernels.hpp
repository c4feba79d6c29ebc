// Sums over gradients and parameters, compiled once for each instruction set (measure_cpu.cpp),
// with the same bits from each: of a tile as core/tile_sums.hpp takes them, or in float64.
#pragma once

#include <cstdint>

#include "core/tables.hpp"

namespace saddlescape::train {

template <class T>
struct MeasureTable {
  // sum x_i^2 and sum x_i y_i of a tile.
  void (*sums)(const T* x, const T* y, std::int64_t n, double* out);
  // sum (x_i - y_i)^2 of a tile.
  void (*moved)(const T* x, const T* y, std::int64_t n, double* out);
  // The same in float64, but for the differences.
  double (*squares_and_product)(const T* x, const T* y, std::int64_t n, double& product);
  double (*squared_differences)(const T* x, const T* y, std::int64_t n);
  // g_i += l1 sign(w_i) + l2 w_i; sum |w_i| and sum w_i^2 in sums.
  void (*penalise)(const T* w, std::int64_t n, double l1, double l2, T* g, double* sums);
};

using MeasureKernels = BothPrecisions<MeasureTable>;

const MeasureKernels& measure_kernels();

}  // namespace saddlescape::train

SADDLESCAPE_TABLES(saddlescape::train::MeasureKernels, _measure)
