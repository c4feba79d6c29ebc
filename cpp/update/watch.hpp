// A step that is watched: the parameters before it, and what a training run records of it, in the
// pass that moves the parameters. A pass of its own for each cost a sixth of a whole training step;
// here their arithmetic stands in the shadow of the rule's roots and divisions.
//
// For each tile of watch_tile elements, in float64, in lanes of a fixed order:
//
//   sums[0] = sum g_i^2,  sums[1] = sum g_i last_i,  sums[2] = sum (theta_i - before_i)^2
#pragma once

#include <cstdint>

#include "core/tables.hpp"
#include "update/kernels.hpp"
#include "update/rules.hpp"

namespace saddlescape::update {

constexpr std::int64_t watch_tile = 4096;
constexpr int watch_sums = 3;

struct Watched {
  void* before;      // becomes the parameters as they were
  const void* last;  // the gradient before this one; null: sums[1] is 0
};

// Runs one rule over n elements; the first one starts a tile.
using Watch = void (*)(const void* folded, std::int64_t n, void* p, const void* g,
                       void* const* state, const Watched& watched, double* sums);

struct WatchKernels {  // [index in SADDLESCAPE_KERNEL_LIST][Real]
  Watch watch[kernel_count][2];
};

const WatchKernels& watch_kernels();

// True if a step of this tensor is nothing but its rule, element by element, all of one type.
bool can_watch(const Group& group, const Tensor& tensor, const Around& around);

// Moves elements [from, to) of a tensor that can be watched, `from` at the start of a tile; the
// sums of their tiles go to `sums`. The step's number is tensor.steps, which stays: calls for other
// elements of the same step may run beside this one. Watched's arrays start at the tensor's first
// element, as the tensor's own.
void watch(const Group& group, const Tensor& tensor, std::int64_t from, std::int64_t to,
           const Watched& watched, Folds& folds, double* sums);

}  // namespace saddlescape::update

SADDLESCAPE_TABLES(saddlescape::update::WatchKernels, _watch)
