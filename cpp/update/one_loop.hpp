// Passes over a whole range at once: where a loop of its own does what tiles would, to the bit.
#pragma once

#include "update/passes.hpp"
#include "update/rules.hpp"

namespace saddlescape::update {

// True if parameters, gradient and states are all of the type that is computed in.
bool is_native(const Group& group, const Tensor& tensor);

// True if a pass over this tensor has such a loop.
bool is_one_loop(Role role, const Group& group, const Tensor& tensor, const Around& around);

// Runs it over n elements that start a tile. `sums`: three for each tile, as in passes.hpp.
void one_loop(Role role, const Group& group, const Tensor& tensor, std::int64_t from,
              std::int64_t n, const Around& around, double clip, Folds& folds, double* sums);

}  // namespace saddlescape::update
