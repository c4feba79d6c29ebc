// The kernels round the rules.
#include "cuda/launch.hpp"
#include "cuda/look.hpp"
#include "cuda/passes.hpp"

namespace saddlescape::cuda {
namespace {

template <class T>
void launch_squares(const Stream& stream, std::int64_t blocks, const Table& table) {
  launch("the squares of gradients", stream, blocks, GradientSquares<T>{table});
}

template <class T>
void launch_find(const Stream& stream, std::int64_t blocks, const Table& table) {
  launch("the look at gradients", stream, blocks, FindNonFinite<T>{table});
}

}  // namespace

Launch gradient_squares(update::Real real) {
  return real == update::Real::float64 ? launch_squares<double> : launch_squares<float>;
}

Launch find_non_finite(update::Real real) {
  return real == update::Real::float64 ? launch_find<double> : launch_find<float>;
}

void add_tiles(const Stream& stream, std::int64_t groups, std::int64_t tensors,
               const Table& table) {
  const bool whole = groups == tensors;
  launch("the sums over tiles", stream, groups, AddGroups{table, whole});
  if (!whole) launch("the sums over tensors", stream, tensors, AddTensors{table});
}

void find_clip(const Stream& stream, const Table& table) {
  launch("the norm to clip by", stream, 1, FindClip{table});
}

void hold(const Stream& stream, const std::int32_t* stopped, const Table& table) {
  launch("the look at whether to step", stream, 1, Hold{stopped, table});
}

}  // namespace saddlescape::cuda
