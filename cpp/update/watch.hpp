// A step that is watched: the parameters before it, and what a training run records of it, in the
// pass that moves the parameters. A pass of its own for each cost a sixth of a whole training step;
// here their arithmetic stands in the shadow of the rule's roots and divisions.
//
// For each tile of watch_tile elements, added up as core/tile_sums.hpp says:
//
//   sums[0] = sum g_i^2,  sums[1] = sum g_i last_i,  sums[2] = sum (theta_i - before_i)^2
#pragma once

#include <cstdint>

#include "update/rules.hpp"
#include "update/watch_kernels.hpp"

namespace saddlescape::update {

// True if a step of this tensor is nothing but its rule, element by element, all of one type.
bool can_watch(const Group& group, const Tensor& tensor, const Around& around);

// Moves elements [from, to) of a tensor that can be watched, `from` at the start of a tile; the
// sums of their tiles go to `sums`. The step's number is tensor.steps, which stays: calls for other
// elements of the same step may run beside this one. Watched's arrays start at the tensor's first
// element, as the tensor's own.
void watch(const Group& group, const Tensor& tensor, std::int64_t from, std::int64_t to,
           const Watched& watched, Folds& folds, double* sums);

}  // namespace saddlescape::update
