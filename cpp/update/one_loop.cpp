#include "update/one_loop.hpp"

#include "update/gradient.hpp"
#include "update/kernels.hpp"
#include "update/row.hpp"
#include "update/squares.hpp"

namespace saddlescape::update {
namespace {

// Takes those sums again that left the range of a double: float32 squares don't.
void hold_range(const Tensor& tensor, std::int64_t from, std::int64_t n, const Around& around,
                double* sums) {
  if (real_of(tensor.parameter_type) == Real::float32) return;
  alignas(64) unsigned char scratch[tile_size * 8];
  for (const std::int64_t end = from + n; from < end; from += tile_size, sums += 3) {
    if (in_range(sums[0])) continue;
    const std::int64_t length = std::min(tile_size, end - from);
    const void* g = gradient_tile(tensor, from, length, around, 1, scratch);
    sums[0] = tile_squares(sums[0], Real::float64, g, nullptr, length);
  }
}

}  // namespace

bool is_native(const Group& group, const Tensor& tensor) {
  const Element type = element_of(real_of(tensor.parameter_type));
  return tensor.parameter_type == type && tensor.gradient_type == type &&
         (tensor.state_type == type || group.rule->state_names.empty());
}

bool is_one_loop(Role role, const Group& group, const Tensor& tensor, const Around& around) {
  if (role == Role::gradient_norm)
    return tensor.gradient_type == element_of(real_of(tensor.parameter_type));
  if (!tensor.gradient || !is_native(group, tensor)) return false;
  const Kind kind = group.rule->kind;
  // In float64 a norm may leave the range and be taken again, from a direction that is not kept
  // here.
  if (role == Role::direction)
    return kind == Kind::normed && real_of(tensor.parameter_type) == Real::float32;
  return role == Role::update && (kind == Kind::elementwise || kind == Kind::normed) &&
         !tensor.copy && !around.statistics && around.average_weight != 1;
}

void one_loop(Role role, const Group& group, const Tensor& tensor, std::int64_t from,
              std::int64_t n, const Around& around, double clip, Folds& folds, double* sums) {
  const Kernels& table = kernels();
  const Real type = real_of(tensor.parameter_type);
  const int real = static_cast<int>(type);
  const std::int64_t bytes = from * width(element_of(type));
  const void* const g = at(tensor.gradient, bytes);
  if (role == Role::gradient_norm) {
    table.measure_gradient[real](g, n, scaling(around, 1), sums);
    hold_range(tensor, from, n, around, sums);
    return;
  }
  void* const p = at(tensor.parameters, bytes);
  void* state[max_states];
  for (int s = 0; s < max_states; ++s) state[s] = at(tensor.state[s], bytes);
  if (role == Role::direction) {
    const int kernel = group.rule->direction;
    table.measure[kernel][real](folds.of(kernel, group, tensor), n, p, g, state,
                                scaling(around, clip), sums);
    return;
  }
  const int kernel = group.rule->kernel;
  void* const average = around.average_weight == 0 ? nullptr : at(tensor.average, bytes);
  table.around[kernel][real](folds.of(kernel, group, tensor), n, p, g, state,
                             {scaling(around, clip), average, around.average_weight});
}

}  // namespace saddlescape::update
