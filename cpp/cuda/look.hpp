// The kernels round the rules: norms of gradients, the factor to clip by, the look for gradients
// that are not finite.
#pragma once

#include <cstdint>

#include "core/in_groups.hpp"
#include "cuda/block.hpp"
#include "cuda/numbers.hpp"
#include "cuda/sums.hpp"
#include "cuda/table.hpp"
#include "update/begin.hpp"
#include "update/loops.hpp"

namespace saddlescape::cuda {
namespace {

// Calls visit(begin, n, tile) for the tiles of a block's chunk, where its tensor has a gradient.
template <class Visit>
SADDLESCAPE_KERNEL inline void for_each_tile(const Table& table, const Block& block,
                                             const Visit& visit) {
  const Chunk chunk = table.chunks[block.index()];
  const Row& row = table.rows[chunk.tensor];
  const void* const gradient = table.now[chunk.tensor].gradient;
  if (!gradient) return;
  for (std::int64_t k = 0; k < chunk.tiles; ++k) {
    const std::int64_t begin = (chunk.tile + k) * tile_size, left = row.size - begin;
    visit(row, gradient, begin, left < tile_size ? left : tile_size, chunk.tensor);
  }
}

// The squares of a tile's gradient, scaled and clipped by value.
template <class T>
struct GradientSquares {
  Table table;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED TileSum sum;
    const Control& control = *table.control;
    const update::Scale<T> scaled(update::Scaling{control.unscale, control.limit, 1});
    for_each_tile(
        table, block,
        [&](const Row& row, const void* gradient, std::int64_t begin, std::int64_t n,
            std::int64_t) {
          Own<Four<T>> g;
          block.all([&](int thread) {
            g.of(thread) = take_from<T>(row.gradient_type, gradient, begin + four * thread,
                                        count_of(thread, n));
          });
          sum.add<T>(
              block, n,
              [&](int thread, int j) { return static_cast<double>(scaled(g.of(thread).at[j])); },
              table.sums + tile_sums * (row.sums + begin / tile_size));
        });
  }
};

// Names the first tensor with a gradient that is infinite or NaN, or that overflows when it is
// unscaled. A norm that is finite had none of them in it; a clamp may have hidden one.
template <class T>
struct FindNonFinite {
  Table table;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    const Control& control = *table.control;
    if (control.clips && is_finite(control.gradient_norm) && !is_finite(control.limit)) return;
    const T factor = control.unscale > 1 ? static_cast<T>(control.unscale) : T(1);
    for_each_tile(table, block,
                  [&](const Row& row, const void* gradient, std::int64_t begin, std::int64_t n,
                      std::int64_t tensor) {
                    block.all([&](int thread) {
                      const Four<T> g = take_from<T>(row.gradient_type, gradient,
                                                     begin + four * thread, count_of(thread, n));
                      bool finite = true;
                      for (int j = 0; j < four; ++j) finite &= is_finite(g.at[j] * factor);
                      if (!finite)
                        block.lower(table.control->non_finite, static_cast<std::uint64_t>(tensor));
                    });
                  });
  }
};

// Ends a step that is not to happen; one block.
struct Hold {
  const std::int32_t* stopped;
  Table table;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    block.all([&](int thread) {
      // No tensor's number: it is none of their gradients.
      if (thread == 0 && *stopped != 0)
        table.control->non_finite = static_cast<std::uint64_t>(table.count);
    });
  }
};

// Adds the sums of a group of a tensor's tiles up, of which one without a gradient has none; a
// block for each. `whole`: no tensor has more than one, and its sums are the tensor's.
struct AddGroups {
  Table table;
  bool whole;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED InOrder<double, tile_sums> tiles;
    const Chunk chunk = table.chunks[block.index()];
    const Row& row = table.rows[chunk.tensor];
    const double* const sums = table.sums + tile_sums * (row.sums + chunk.tile);
    const std::int64_t n = table.now[chunk.tensor].gradient ? chunk.tiles : 0;
    Own<update::Squares> total;
    block.all([&](int thread) { total.of(thread) = update::Squares(); });
    tiles.visit(
        block, n, [&](std::int64_t i) { return sums[i]; },
        [&](int thread, double sum) { total.of(thread).add(sum); });
    TensorSums& out = whole ? table.totals[chunk.tensor]
                            : table.groups[row.groups + chunk.tile / saddlescape::sums::together];
    block.all([&](int thread) {
      if (thread < tile_sums) out.of[thread] = total.of(thread);
    });
  }
};

// Adds the sums of a tensor's groups up; a block for each tensor of this launch.
struct AddTensors {
  Table table;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED InOrder<update::Squares, tile_sums> groups;
    const std::int64_t tensor = table.order[block.index()];
    const Row& row = table.rows[tensor];
    const std::int64_t tiles = (row.size + tile_size - 1) / tile_size;
    Own<update::Squares> total;
    block.all([&](int thread) { total.of(thread) = update::Squares(); });
    groups.visit(
        block, saddlescape::sums::groups_of(tiles),
        [&](std::int64_t i) { return table.groups[row.groups + i / tile_sums].of[i % tile_sums]; },
        [&](int thread, const update::Squares& sum) { total.of(thread).add(sum); });
    block.all([&](int thread) {
      if (thread < tile_sums) table.totals[tensor].of[thread] = total.of(thread);
    });
  }
};

// The norm of all gradients and the factor that shrinks them to clip_norm; one block.
struct FindClip {
  Table table;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED InOrder<update::Squares, 1> tensors;
    Own<update::Squares> sum;
    block.all([&](int thread) { sum.of(thread) = update::Squares(); });
    tensors.visit(
        block, table.count,
        [&](std::int64_t i) {
          return table.now[i].gradient ? table.totals[i].of[0] : update::Squares();
        },
        [&](int thread, const update::Squares& squares) { sum.of(thread).add(squares); });
    block.all([&](int thread) {
      if (thread != 0) return;
      Control& control = *table.control;
      control.gradient_norm = sum.of(0).norm();
      control.clip = update::clip_factor(control.gradient_norm, control.clip_norm);
    });
  }
};

}  // namespace
}  // namespace saddlescape::cuda
