// What lies in device memory for a step over a list of tensors: plain data that kernels read.
#pragma once

#include <cstdint>

#include "update/averaging.hpp"
#include "update/options.hpp"
#include "update/squares.hpp"
#include "update/storage.hpp"

namespace saddlescape::cuda {

using update::Element;
using update::max_states;

// Which kernel moves a tensor.
enum class Path {
  native,  // parameters, gradient and states of the type that is computed in, nothing measured
  any,     // what else there is, but
  coded,   // states in 8 bits
};

// What stays from step to step, one for each tensor.
struct Row {
  std::int64_t size;
  void* parameters;
  void* state[max_states];
  float* scales[max_states];
  void* copy;
  void* average;
  Element parameter_type, gradient_type, state_type, copy_type;
  std::int64_t sums;    // the number of its first tile's sums
  std::int64_t groups;  // the same of its first group of tiles
  // Of rules that see matrices: as Tensor has them, the number of its first mean over rows, and
  // where its direction starts, in elements.
  std::int64_t matrix_rows, matrix_columns, means, direction;
};

// What comes anew: the gradient, null where there is none, and the numbers of its folds, for the
// pass that moves the parameters and for the one before it.
struct Now {
  const void* gradient;
  std::int64_t fold, first;
};

// A rule's hyper-parameters for this step, as the bytes of its struct.
struct alignas(16) Fold {
  unsigned char bytes[128];
  std::int64_t steps;
  double weight, eps;  // Adafactor: w_t and eps1
};

// Tiles of a tensor that one block takes, one after the other.
struct Chunk {
  std::int64_t tensor, tile, tiles;
};

constexpr std::uint64_t all_finite = ~std::uint64_t{0};

// What stands round all rules, and what the step finds out.
struct Control {
  double unscale, limit, clip_norm, average_weight;
  double clip;               // found by clip_norm, else 1
  double gradient_norm;      // of all gradients
  std::uint64_t non_finite;  // the first tensor with a gradient that is not finite
  bool clips, statistics, nearest_states, dithered_parameters;
};

// Sums of squares of a tile, as update::tile_squares returns them: of the gradient, of what was
// added to the parameters, of the parameters.
constexpr int tile_sums = 3;

// The same over a whole tensor.
struct TensorSums {
  update::Squares of[tile_sums];
};

// How far the tensors of a fold have come, where the device counts the steps.
struct Progress {
  std::int64_t steps;
  double carried[update::max_carried];
  std::int64_t group;
};

// A group's hyper-parameters there. `lr`: null, or what stands in the place of options.lr.
struct LiveGroup {
  update::Options options;
  const float* lr;
};

// What a step there starts from. `scale`: null, or what the loss was multiplied by. `found`: null,
// or not 0 where gradients overflowed.
struct Live {
  Control control;
  update::Averaging averaging;
  std::int64_t calls;
  const float* scale;
  const float* found;
};

// A tensor whose squares are kept as means over the rows and the columns of its matrices.
struct Factoring {
  std::int64_t tensor;
  std::int64_t matrices, rows, columns;
  std::int64_t height, groups;                // update::adafactor::Cut's
  std::int64_t segments;                      // tiles across its columns
  std::int64_t row_sums, column_sums, means;  // the numbers of its first ones
  std::int64_t first_panel, first_strip, first_columns, first_means;  // blocks
};

// Those that are computed in the same type.
struct FactorList {
  const Factoring* of;
  std::int64_t count;
  double* row_sums;     // of each segment of each row
  double* column_sums;  // of each unit's columns
  double* strips;       // a sum for each block of rows
};

struct Table {
  const Row* rows;
  const Now* now;
  Fold* folds;
  const Chunk* chunks;  // of this launch
  Control* control;
  double* sums;               // tile_sums for each tile
  TensorSums* groups;         // the same for each group of tiles
  const std::int64_t* order;  // tensors of this launch
  TensorSums* totals;
  std::int64_t count;  // of tensors
  double* means;       // over the rows of each factored matrix
  void* directions;    // of matrices
  // Where the device counts the steps, else null:
  Live* live;
  Progress* progress;  // one for each fold
  const LiveGroup* live_groups;
  std::int64_t first;  // fold of this launch
};

}  // namespace saddlescape::cuda
