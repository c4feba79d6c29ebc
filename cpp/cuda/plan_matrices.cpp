#include <algorithm>

#include "core/in_groups.hpp"
#include "cuda/plan.hpp"

namespace saddlescape::cuda {
namespace {

using update::ceiling;
using update::real_of;
using update::Tensor;

// A batch need not be larger than what keeps a device busy: the memory of the largest is held.
constexpr std::int64_t most_bytes = std::int64_t{512} << 20;

// The groups of tiles of a tensor, which come next; it has one if it has no tiles.
void add_groups(const Tensor* tensors, std::int64_t tensor, Plan& plan) {
  const std::int64_t tiles = ceiling(tensors[tensor].size, update::tile_size);
  Row& row = plan.rows[static_cast<std::size_t>(tensor)];
  row.groups = plan.sums.groups;
  plan.sums.groups += sums::groups_of(tiles);
  for (std::int64_t k = 0; k < sums::groups_of(tiles); ++k)
    plan.chunks.push_back(
        {tensor, k * sums::together, std::min(sums::together, tiles - k * sums::together)});
  plan.order.push_back(tensor);
  ++plan.sums.tensors;
}

// What was added to `before`.
SumLaunch since(const SumLaunch& before, const SumLaunch& now) {
  return {before.from + before.groups, now.groups - before.groups, before.tensors,
          now.tensors - before.tensors};
}

// The batches with their members, in the order of the list.
struct Batches {
  std::vector<MatrixBatch> of;
  std::vector<std::vector<std::int64_t>> members;

  void add(std::int64_t i, const Tensor& tensor, Row& row) {
    const MatrixBatch own{
        tensor.group, real_of(tensor.parameter_type), tensor.rows, tensor.columns, 1, {}, {}, {}};
    std::size_t k = 0;
    while (k < of.size() && !has_room(of[k], own)) ++k;
    if (k == of.size()) {
      of.push_back(own);
      of.back().count = 0;
      members.emplace_back();
    }
    row.direction = of[k].count++ * tensor.size;
    members[k].push_back(i);
  }

  static bool has_room(const MatrixBatch& batch, const MatrixBatch& own) {
    return batch.group == own.group && batch.real == own.real && batch.rows == own.rows &&
           batch.columns == own.columns && batch.bytes() + own.bytes() <= most_bytes;
  }
};

}  // namespace

void add_matrices(const std::vector<MatrixPasses>& matrices, const std::vector<Launch>& firsts,
                  const Tensor* tensors, std::int64_t length, Plan& plan) {
  const auto count = static_cast<std::int64_t>(matrices.size());
  Batches batches;
  for (std::int64_t i = 0; i < count; ++i)
    if (matrices[static_cast<std::size_t>(i)].pass && tensors[i].size > 0)
      batches.add(i, tensors[i], plan.rows[static_cast<std::size_t>(i)]);
  std::vector<bool> is_member(matrices.size());
  for (std::size_t k = 0; k < batches.of.size(); ++k) {
    std::vector<Launch> directions(matrices.size()), passes(matrices.size());
    for (const std::int64_t member : batches.members[k]) {
      const auto i = static_cast<std::size_t>(member);
      directions[i] = matrices[i].direction;
      passes[i] = matrices[i].pass;
      is_member[i] = true;
    }
    batches.of[k].directions = add_passes(directions, tensors, length, plan.chunks);
    batches.of[k].passes = add_passes(passes, tensors, length, plan.chunks);
  }
  plan.sums = {static_cast<std::int64_t>(plan.chunks.size()), 0, 0, 0};
  for (const bool first : {false, true}) {
    const SumLaunch before = plan.sums;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto k = static_cast<std::size_t>(i);
      if (!is_member[k] && first == (firsts[k] != nullptr)) add_groups(tensors, i, plan);
    }
    plan.direction_sums = since(before, plan.sums);
  }
  for (std::size_t k = 0; k < batches.of.size(); ++k) {
    const SumLaunch before = plan.sums;
    for (const std::int64_t member : batches.members[k]) add_groups(tensors, member, plan);
    batches.of[k].sums = since(before, plan.sums);
  }
  plan.matrices = std::move(batches.of);
}

}  // namespace saddlescape::cuda
