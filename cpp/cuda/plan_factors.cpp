#include <algorithm>

#include "core/in_groups.hpp"
#include "cuda/block.hpp"
#include "cuda/plan.hpp"
#include "update/adafactor_step.hpp"
#include "update/row.hpp"

namespace saddlescape::cuda {
namespace {

using update::ceiling;
using update::Group;
using update::Real;
using update::real_of;
using update::Tensor;

// The next of a launch; counts what it needs.
Factoring factoring(std::int64_t i, const Tensor& tensor, FactorBlocks& blocks, FactorRoom& room) {
  const update::adafactor::Cut cut(tensor);
  const std::int64_t units = cut.matrices * cut.groups, lines = cut.matrices * tensor.rows;
  const std::int64_t segments = ceiling(tensor.columns, update::tile_size);
  const Factoring made{i,
                       cut.matrices,
                       tensor.rows,
                       tensor.columns,
                       cut.height,
                       cut.groups,
                       segments,
                       room.row_sums,
                       room.column_sums,
                       room.means,
                       blocks.panels,
                       blocks.strips,
                       blocks.columns,
                       blocks.means};
  room.row_sums += lines * segments;
  room.column_sums += units * tensor.columns;
  room.means += cut.matrices;
  blocks.panels += units * segments;
  blocks.strips += cut.matrices * sums::groups_of(tensor.rows);
  blocks.columns += ceiling(cut.matrices * tensor.columns, block_threads);
  blocks.means += ceiling(cut.matrices, block_threads);
  return made;
}

}  // namespace

void add_factors(const Group* groups, const Tensor* tensors, std::int64_t count, Plan& plan) {
  for (const Real real : {Real::float32, Real::float64}) {
    FactorLaunch launch{real, static_cast<std::int64_t>(plan.factorings.size()), 0, {}};
    for (std::int64_t i = 0; i < count; ++i) {
      const Tensor& tensor = tensors[i];
      if (groups[tensor.group].rule->kind != update::Kind::factored || tensor.rows == 0 ||
          tensor.size == 0 || real_of(tensor.parameter_type) != real)
        continue;
      plan.rows[static_cast<std::size_t>(i)].means = plan.room.means;
      plan.factorings.push_back(factoring(i, tensor, launch.blocks, plan.room));
      ++launch.count;
    }
    plan.room.strips = std::max(plan.room.strips, launch.blocks.strips);
    if (launch.count) plan.factors.push_back(launch);
  }
}

}  // namespace saddlescape::cuda
