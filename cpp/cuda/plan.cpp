#include "cuda/plan.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "update/row.hpp"
#include "update/rules.hpp"

namespace saddlescape::cuda {
namespace {

using update::ceiling;
using update::Group;
using update::Real;
using update::real_of;
using update::Tensor;
using update::tile_size;

// A device runs about a thousand blocks at once: with fewer chunks than some rounds of them a chunk
// is one tile, and no block waits for another that has more to do.
constexpr std::int64_t enough_chunks = 8192;
constexpr std::int64_t most_tiles = 16;

std::int64_t tiles_of(const Tensor& tensor) { return ceiling(tensor.size, tile_size); }

Row row_of(const Tensor& tensor, std::int64_t sums) {
  Row row;
  std::memset(static_cast<void*>(&row), 0, sizeof row);  // rows are compared as bytes
  row.size = tensor.size;
  row.parameters = tensor.parameters;
  std::copy_n(tensor.state, max_states, row.state);
  std::copy_n(tensor.scales, max_states, row.scales);
  row.copy = tensor.copy;
  row.average = tensor.average;
  row.parameter_type = tensor.parameter_type;
  row.gradient_type = tensor.gradient_type;
  row.state_type = tensor.state_type;
  row.copy_type = tensor.copy_type;
  row.sums = sums;
  row.matrix_rows = tensor.rows;
  row.matrix_columns = tensor.columns;
  return row;
}

// Null where there is no such pass.
Launch launch_of(int kernel, const Group& group, const Tensor& tensor,
                 const update::Around& around) {
  const Real real = real_of(tensor.parameter_type);
  switch (path_of(*group.rule, tensor, around)) {
    case Path::native:
      return native_pass(kernel, real);
    case Path::any:
      return any_pass(kernel, real);
    default:
      // A matrix rule has set its states before it moves the parameters.
      return group.rule->kind == update::Kind::matrix && kernel == group.rule->kernel
                 ? any_pass(kernel, real)
                 : coded_pass(kernel, real);
  }
}

// The pass before the one that moves the parameters; null where there is none.
Launch direction_of(const Group& group, const Tensor& tensor, const update::Around& around) {
  if (group.rule->kind == update::Kind::factored)
    return factored_direction(path_of(*group.rule, tensor, around), real_of(tensor.parameter_type));
  const int kernel = group.rule->direction;
  return kernel < 0 ? nullptr : launch_of(kernel, group, tensor, around);
}

[[noreturn]] void refuse(const Group& group, const Tensor& tensor) {
  throw std::invalid_argument("rule: '" + std::string(group.rule->name) +
                              (tensor.state_type == Element::block8 ? "' with 8-bit states" : "'") +
                              " has no step on a CUDA device, expected a rule whose states need "
                              "not be kept exact");
}

bool same_launches(const std::vector<PassLaunch>& a, const std::vector<PassLaunch>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [](const PassLaunch& one, const PassLaunch& other) {
        return one.launch == other.launch && one.from == other.from && one.count == other.count;
      });
}

template <class T>
bool same_bytes(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

bool same_matrices(const std::vector<MatrixBatch>& a, const std::vector<MatrixBatch>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [](const MatrixBatch& one, const MatrixBatch& other) {
        return one.group == other.group && one.real == other.real && one.rows == other.rows &&
               one.columns == other.columns && one.count == other.count &&
               same_launches(one.directions, other.directions) &&
               same_launches(one.passes, other.passes);
      });
}

}  // namespace

std::vector<PassLaunch> add_passes(const std::vector<Launch>& launches, const Tensor* tensors,
                                   std::int64_t length, std::vector<Chunk>& chunks) {
  const auto end = [&] { return static_cast<std::int64_t>(chunks.size()); };
  const auto count = static_cast<std::int64_t>(launches.size());
  std::vector<Launch> kinds = launches;
  std::sort(kinds.begin(), kinds.end());
  kinds.erase(std::unique(kinds.begin(), kinds.end()), kinds.end());
  std::vector<PassLaunch> passes;
  for (const Launch kind : kinds) {
    if (!kind) continue;
    const std::int64_t from = end();
    add_chunks(
        tensors, count, length,
        [&](std::int64_t i) { return launches[static_cast<std::size_t>(i)] == kind; }, chunks);
    if (end() > from) passes.push_back({kind, from, end() - from});
  }
  return passes;
}

bool Plan::operator==(const Plan& other) const {
  return tiles == other.tiles && same_bytes(rows, other.rows) && same_bytes(chunks, other.chunks) &&
         same_bytes(order, other.order) && same_bytes(factorings, other.factorings) &&
         same_matrices(matrices, other.matrices) && same_launches(directions, other.directions) &&
         same_launches(passes, other.passes);
}

Path path_of(const update::Rule& rule, const Tensor& tensor, const update::Around& around) {
  if (tensor.state_type == Element::block8 && !rule.state_names.empty()) return Path::coded;
  const Element type = update::element_of(real_of(tensor.parameter_type));
  const bool native = tensor.parameter_type == type && tensor.gradient_type == type &&
                      (tensor.state_type == type || rule.state_names.empty());
  return native && !tensor.copy && !around.statistics ? Path::native : Path::any;
}

Plan plan(const Group* groups, const Tensor* tensors, std::int64_t count,
          const update::Around& around) {
  Plan made;
  std::vector<Launch> directions, passes;
  std::vector<MatrixPasses> matrices;
  for (std::int64_t i = 0; i < count; ++i) {
    const Group& group = groups[tensors[i].group];
    const bool matrix = group.rule->kind == update::Kind::matrix;
    const Launch pass = launch_of(group.rule->kernel, group, tensors[i], around);
    const Launch direction = direction_of(group, tensors[i], around);
    if (!pass) refuse(group, tensors[i]);
    passes.push_back(matrix ? nullptr : pass);
    directions.push_back(matrix ? nullptr : direction);
    matrices.push_back(matrix ? MatrixPasses{direction, pass} : MatrixPasses{});
    made.rows.push_back(row_of(tensors[i], made.tiles));
    made.tiles += tiles_of(tensors[i]);
  }
  const std::int64_t length = std::clamp<std::int64_t>(made.tiles / enough_chunks, 1, most_tiles);
  made.directions = add_passes(directions, tensors, length, made.chunks);
  made.passes = add_passes(passes, tensors, length, made.chunks);
  for (const Real real : {Real::float32, Real::float64}) {
    const auto from = static_cast<std::int64_t>(made.chunks.size());
    add_chunks(
        tensors, count, length,
        [&](std::int64_t i) { return real_of(tensors[i].parameter_type) == real; }, made.chunks);
    const std::int64_t looks = static_cast<std::int64_t>(made.chunks.size()) - from;
    if (looks > 0) made.looks.push_back({real, from, looks});
  }
  add_factors(groups, tensors, count, made);
  add_matrices(matrices, directions, tensors, length, made);
  return made;
}

}  // namespace saddlescape::cuda
