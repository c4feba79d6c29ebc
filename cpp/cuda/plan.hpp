// How a step over a list of tensors is laid out for the device: rows, chunks and launches. Counting
// alone, on the host; it changes where a tensor's size, place, types or surroundings do.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/passes.hpp"
#include "cuda/table.hpp"
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

struct Plan {
  std::vector<Row> rows;
  std::vector<Chunk> chunks;
  std::vector<PassLaunch> directions;  // of normed rules: come first
  std::vector<PassLaunch> passes;
  std::vector<LookLaunch> looks;
  std::int64_t tiles = 0;

  bool operator==(const Plan& other) const;
};

// The path that a tensor takes.
Path path_of(const update::Rule& rule, const update::Tensor& tensor, const update::Around& around);

// Throws std::invalid_argument that names the rule where one has no pass on the device.
Plan plan(const update::Group* groups, const update::Tensor* tensors, std::int64_t count,
          const update::Around& around);

}  // namespace saddlescape::cuda
