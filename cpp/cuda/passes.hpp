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
// totals of so many tensors, table.order, whose tiles are table.chunks: so many groups, one at
// least for each.
void add_tiles(const Stream& stream, std::int64_t groups, std::int64_t tensors, const Table& table);
// control.gradient_norm and control.clip.
void find_clip(const Stream& stream, const Table& table);

// control.non_finite, where *stopped is not 0: nothing is to move.
void hold(const Stream& stream, const std::int32_t* stopped, const Table& table);

// The pass of factored rules before the one that moves the parameters; null for codes.
Launch factored_direction(Path path, update::Real real);

// Blocks of each of the kernels in factored.hpp.
struct FactorBlocks {
  std::int64_t panels, strips, columns, means;
};
// Brings R and C of factored tensors to this step, and their means.
void accumulate_factors(const Stream& stream, update::Real real, const FactorBlocks& blocks,
                        const Table& table, const FactorList& list);

// Divides `count` directions of `size` numbers, those of table.order, by their norms, which stand
// in table.totals; sets to 0 what has no part in this step.
template <class T>
void normalise(const Stream& stream, std::int64_t count, std::int64_t size, double eps,
               const Table& table);
template <class T>
void copy_numbers(const Stream& stream, const T* from, std::int64_t n, T* to);

// Of steps that the device counts, advance.hpp: a block for each fold from table.first on.
Launch advance(int kernel, update::Real real);
void begin(const Stream& stream, const Table& table);
void proceed(const Stream& stream, const Table& table);

}  // namespace saddlescape::cuda
