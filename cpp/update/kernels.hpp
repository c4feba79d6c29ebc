// The tables that step_cpu.cpp and tile_cpu.cpp export once for each instruction set.
#pragma once

#include <cstdint>

#include "core/tables.hpp"
#include "update/all.hpp"
#include "update/storage.hpp"

namespace saddlescape::update {

// Runs one rule over n elements. `folded` points to the bytes of the rule's struct, `state` to as
// many arrays as it has states; the first pass of a composed rule writes its direction to one more.
using Update = void (*)(const void* folded, std::int64_t n, void* p, const void* g,
                        void* const* state);

// g <- clip clamp(unscale g, -limit, limit).
struct Scaling {
  double unscale, limit, clip;
};

// What stands round a rule in its own loop.
struct Surround {
  Scaling scaling;
  void* average;  // null, or a <- a + weight (p - a)
  double weight;  // not 1
};

using UpdateAround = void (*)(const void* folded, std::int64_t n, void* p, const void* g,
                              void* const* state, const Surround& around);

// The first pass of a rule with norms: sets the states, and leaves sum p^2 and sum u^2 of the
// direction u in sums[0] and [1] of each tile.
using Measure = void (*)(const void* folded, std::int64_t n, void* p, const void* g,
                         void* const* state, const Scaling& scaling, double* sums);

// The sum of the squares of a scaled gradient in sums[0] of each tile.
using MeasureGradient = void (*)(const void* g, std::int64_t n, const Scaling& scaling,
                                 double* sums);

struct Kernels {  // [index in SADDLESCAPE_KERNEL_LIST][Real]
  Update update[kernel_count][2];
  UpdateAround around[kernel_count][2];
  Measure measure[kernel_count][2];  // null where there is no such pass
  MeasureGradient measure_gradient[2];
};

// A state in 8 bits: codes and their scales, one for each block; the first element starts a block.
struct Coded {
  void* codes;
  float* scales;
  std::uint32_t dither;  // of the first element
};

// The same over states in 8 bits, of at most tile_size elements.
using CodedUpdate = void (*)(const void* folded, std::int64_t n, float* p, const float* g,
                             const Coded* state);

struct CodedKernels {
  void (*expand[coded_natures])(const void* codes, const float* scales, std::int64_t n, float* out);
  void (*quantise[coded_natures])(const float* x, std::int64_t n, Coded state);
  CodedUpdate update[kernel_count];  // null: no state, or one that is kept exact
};

// What stands around a rule in a tile: n elements at a time, all of them in the first-level cache.
struct TileKernels {
  // True if none of n elements is infinite or NaN. [Element]
  bool (*all_finite[element_count])(const void* x, std::int64_t n);
  // Narrow numbers to float. [Element], null where there is nothing to do
  void (*widen[element_count])(const void* x, std::int64_t n, float* out);
  // Float to narrow ones, to nearest.
  void (*narrow[element_count])(const float* x, std::int64_t n, void* out);
  // The same, dithered; element i takes the fraction of dither + i half::weyl_index.
  void (*narrow_dithered[element_count])(const float* x, std::int64_t n, std::uint32_t dither,
                                         void* out);
  void (*scale[2])(const void* g, std::int64_t n, const Scaling& scaling, void* out);  // [Real]
  // a <- a + weight (p - a).  [Real]
  void (*blend[2])(void* a, const void* p, std::int64_t n, double weight);
  // sum x_i^2 and sum (x_i - y_i)^2 in float64, in lanes of a fixed order.  [Real]
  double (*sum_squares[2])(const void* x, std::int64_t n);
  double (*sum_squared_differences[2])(const void* x, const void* y, std::int64_t n);
};

const Kernels& kernels();
const TileKernels& tile_kernels();
const CodedKernels& coded_kernels();

}  // namespace saddlescape::update

SADDLESCAPE_TABLES(saddlescape::update::Kernels, _step)
SADDLESCAPE_TABLES(saddlescape::update::TileKernels, _tile)
SADDLESCAPE_TABLES(saddlescape::update::CodedKernels, _coded)
