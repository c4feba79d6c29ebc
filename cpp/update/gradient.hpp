// A tile of a gradient as the rules see it: widened, unscaled, clipped.
#pragma once

#include "update/begin.hpp"
#include "update/kernels.hpp"
#include "update/row.hpp"
#include "update/step.hpp"

namespace saddlescape::update {

inline bool scales_gradient(const Around& around, double clip) {
  return around.unscale != 1 || clip != 1 || clamps(around);
}

inline Scaling scaling(const Around& around, double clip) {
  return {around.unscale, around.clip_value, clip};
}

// In the gradient's own memory where nothing is to be done, else in `scratch`.
inline const void* gradient_tile(const Tensor& tensor, std::int64_t from, std::int64_t n,
                                 const Around& around, double clip, void* scratch) {
  const Element type = tensor.gradient_type;
  const Real real = real_of(tensor.parameter_type);
  const TileKernels& table = tile_kernels();
  const void* g = at(tensor.gradient, from * width(type));
  if (type != element_of(real)) {
    table.widen[static_cast<int>(type)](g, n, static_cast<float*>(scratch));
    g = scratch;
  }
  if (!scales_gradient(around, clip)) return g;
  table.scale[static_cast<int>(real)](g, n, scaling(around, clip), scratch);
  return scratch;
}

}  // namespace saddlescape::update
