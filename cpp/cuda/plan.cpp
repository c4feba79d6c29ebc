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
      return coded_pass(kernel, real);
  }
}

[[noreturn]] void refuse(const Group& group, const Tensor& tensor) {
  throw std::invalid_argument("rule: '" + std::string(group.rule->name) +
                              (tensor.state_type == Element::block8 ? "' with 8-bit states" : "'") +
                              " has no step on a CUDA device, expected one without products of "
                              "matrices or sums over rows, such as 'adamw'");
}

// Chunks of the tensors for which wanted(i) is true.
template <class Wanted>
void add_chunks(const Tensor* tensors, std::int64_t count, std::int64_t length,
                const Wanted& wanted, std::vector<Chunk>& chunks) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (!wanted(i)) continue;
    const std::int64_t tiles = tiles_of(tensors[i]);
    for (std::int64_t tile = 0; tile < tiles; tile += length)
      chunks.push_back({i, tile, std::min(length, tiles - tile)});
  }
}

// A launch for each kind among `launches`, one for each tensor; null: none.
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

}  // namespace

bool Plan::operator==(const Plan& other) const {
  return tiles == other.tiles && same_bytes(rows, other.rows) && same_bytes(chunks, other.chunks) &&
         same_launches(directions, other.directions) && same_launches(passes, other.passes);
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
  for (std::int64_t i = 0; i < count; ++i) {
    const Group& group = groups[tensors[i].group];
    const int first = group.rule->direction;
    passes.push_back(launch_of(group.rule->kernel, group, tensors[i], around));
    directions.push_back(first < 0 ? nullptr : launch_of(first, group, tensors[i], around));
    if (!passes.back()) refuse(group, tensors[i]);
    made.rows.push_back(row_of(tensors[i], made.tiles));
    made.tiles += tiles_of(tensors[i]);
  }
  const std::int64_t length = std::clamp<std::int64_t>(made.tiles / enough_chunks, 1, most_tiles);
  made.directions = add_passes(directions, tensors, length, made.chunks);
  made.passes = add_passes(passes, tensors, length, made.chunks);
  const auto end = [&] { return static_cast<std::int64_t>(made.chunks.size()); };
  for (const Real real : {Real::float32, Real::float64}) {
    const std::int64_t from = end();
    add_chunks(
        tensors, count, length,
        [&](std::int64_t i) { return real_of(tensors[i].parameter_type) == real; }, made.chunks);
    if (end() > from) made.looks.push_back({real, from, end() - from});
  }
  return made;
}

}  // namespace saddlescape::cuda
