// Launches of the kernels, by rule, by what is computed in and by path.
#pragma once

#include <cstdint>

#include "cuda/device.hpp"
#include "cuda/table.hpp"
#include "update/storage.hpp"

namespace saddlescape::cuda {

// A launch over the `blocks` chunks of the table.
using Launch = void (*)(const Stream& stream, std::int64_t blocks, const Table& table);

// Of the pass that moves the parameters; `kernel`: index in SADDLESCAPE_KERNEL_LIST. Null where
// there is none.
Launch native_pass(int kernel, update::Real real);
Launch any_pass(int kernel, update::Real real);
Launch coded_pass(int kernel, update::Real real);

// sums[0] of each tile: the squares of the scaled gradient.
Launch gradient_squares(update::Real real);
// control.non_finite.
Launch find_non_finite(update::Real real);
// totals, of every tensor.
void add_tiles(const Stream& stream, const Table& table);
// control.gradient_norm and control.clip.
void find_clip(const Stream& stream, const Table& table);

// Of steps that the device counts, advance.hpp: a block for each fold from table.first on.
Launch advance(int kernel, update::Real real);
void begin(const Stream& stream, const Table& table);
void proceed(const Stream& stream, const Table& table);

}  // namespace saddlescape::cuda
