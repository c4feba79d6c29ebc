#include "update/watch.hpp"

#include "core/isa.hpp"
#include "update/begin.hpp"
#include "update/one_loop.hpp"
#include "update/row.hpp"

namespace saddlescape::update {

const WatchKernels& watch_kernels() { SADDLESCAPE_ACTIVE(_watch) }

bool can_watch(const Group& group, const Tensor& tensor, const Around& around) {
  return group.rule->kind == Kind::elementwise && !group.rule->carries && !tensor.copy &&
         is_native(group, tensor) && around.unscale == 1 && !clamps(around) && !clips(around) &&
         !around.statistics && around.average_weight == 0;
}

void watch(const Group& group, const Tensor& tensor, std::int64_t from, std::int64_t to,
           const Watched& watched, Folds& folds, double* sums) {
  const std::int64_t bytes = from * width(tensor.parameter_type);
  void* state[max_states];
  for (int s = 0; s < max_states; ++s) state[s] = at(tensor.state[s], bytes);
  const int kernel = group.rule->kernel;
  watch_kernels().watch[kernel][static_cast<int>(real_of(tensor.parameter_type))](
      folds.of(kernel, group, tensor), to - from, at(tensor.parameters, bytes),
      at(tensor.gradient, bytes), state,
      {at(watched.before, bytes), watched.last ? at(watched.last, bytes) : nullptr}, sums);
}

}  // namespace saddlescape::update
