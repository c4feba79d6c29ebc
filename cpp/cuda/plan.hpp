// How a step over a list of tensors is laid out for the device: rows, chunks and launches. Counting
// alone, on the host; it changes where a tensor's size, place, types or surroundings do.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/passes.hpp"
#include "cuda/table.hpp"
#include "update/row.hpp"
#include "update/step.hpp"

namespace saddlescape::cuda {

// One launch of the pass: chunks[from] ... chunks[from + count - 1].
struct PassLaunch {
  Launch launch;
  std::int64_t from, count;
};

// The same of what looks at gradients, one for each type that is computed in.
struct LookLaunch {
  update::Real real;
  std::int64_t from, count;
};

// Sums over whole tensors: order[tensors_from] ..., whose groups of tiles are chunks[from] ...
struct SumLaunch {
  std::int64_t from, groups, tensors_from, tensors;
};

// Sums over rows and columns: factorings[from] ..., all of one type.
struct FactorLaunch {
  update::Real real;
  std::int64_t from, count;
  FactorBlocks blocks;
};

// How many numbers of each kind they need.
struct FactorRoom {
  std::int64_t row_sums, column_sums, strips, means;
};

// Matrices of one shape, rule and group, that have their products together. Their directions stand
// one behind the other.
struct MatrixBatch {
  int group;
  update::Real real;
  std::int64_t rows, columns, count;
  SumLaunch sums;
  std::vector<PassLaunch> directions, passes;

  std::int64_t shorter() const { return rows < columns ? rows : columns; }
  // Of one: the directions, those of the round before, and two matrices of the shorter side.
  std::int64_t numbers() const { return 2 * rows * columns + 2 * shorter() * shorter(); }
  std::int64_t bytes() const { return count * numbers() * update::width(element_of(real)); }
};

struct Plan {
  std::vector<Row> rows;
  std::vector<Chunk> chunks;
  std::vector<std::int64_t> order;  // of the tensors in `sums`
  std::vector<Factoring> factorings;
  std::vector<FactorLaunch> factors;  // of factored rules: come first
  FactorRoom room{};
  std::vector<PassLaunch> directions;  // of normed and factored rules: come next
  std::vector<MatrixBatch> matrices;   // one after the other, in the same memory
  std::vector<PassLaunch> passes;
  std::vector<LookLaunch> looks;
  SumLaunch sums{};            // of all tensors
  SumLaunch direction_sums{};  // of those with such a pass
  std::int64_t tiles = 0;

  bool operator==(const Plan& other) const;
};

// The path that a tensor takes.
Path path_of(const update::Rule& rule, const update::Tensor& tensor, const update::Around& around);

// Lays out the sums over rows and columns of `plan`'s tensors, whose rows are there.
void add_factors(const update::Group* groups, const update::Tensor* tensors, std::int64_t count,
                 Plan& plan);

// Chunks of the tensors for which wanted(i) is true, so many tiles long.
template <class Wanted>
void add_chunks(const update::Tensor* tensors, std::int64_t count, std::int64_t length,
                const Wanted& wanted, std::vector<Chunk>& chunks) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (!wanted(i)) continue;
    const std::int64_t tiles = update::ceiling(tensors[i].size, update::tile_size);
    for (std::int64_t tile = 0; tile < tiles; tile += length)
      chunks.push_back({i, tile, tiles - tile < length ? tiles - tile : length});
  }
}

// A launch for each kind among `launches`, one for each tensor; null: none.
std::vector<PassLaunch> add_passes(const std::vector<Launch>& launches,
                                   const update::Tensor* tensors, std::int64_t length,
                                   std::vector<Chunk>& chunks);

// What moves a matrix: the pass that writes its direction, and the one that goes along it.
struct MatrixPasses {
  Launch direction, pass;
};

// Lays out the batches of the tensors that have such passes, and the sums of all tensors; those
// with other directions apart.
void add_matrices(const std::vector<MatrixPasses>& matrices, const std::vector<Launch>& directions,
                  const update::Tensor* tensors, std::int64_t length, Plan& plan);

// Throws std::invalid_argument that names the rule where one has no pass on the device.
Plan plan(const update::Group* groups, const update::Tensor* tensors, std::int64_t count,
          const update::Around& around);

}  // namespace saddlescape::cuda
