// phi over the rows of a layer, with the derivatives that are asked for.
#pragma once

#include <type_traits>

#include "net/activation_kernels.hpp"
#include "net/mlp.hpp"

namespace saddlescape::net {

// values (n, d) <- phi(values), slopes phi', curvatures phi'' unless null; rows of ld numbers.
template <class T>
void activate_rows(const Architecture& net, T* values, T* slopes, T* curvatures, std::int64_t n,
                   std::int64_t d, std::int64_t ld) {
  const std::int64_t count = n * ld;
  if constexpr (!std::is_same_v<T, long double>)
    if (const Activate<T> loop = activation_kernels().template table<T>().of(net.activation))
      return loop(values, slopes, curvatures, count);
  with_activation(net.activation, [&](auto phi) {
    for (std::int64_t first = 0; first < count; first += ld)
      for (std::int64_t i = first; i < first + d; ++i) {
        const Jet<T> jet = phi.derivatives(values[i]);
        values[i] = jet.value;
        if (slopes) slopes[i] = jet.slope;
        if (curvatures) curvatures[i] = jet.curvature;
      }
  });
}

}  // namespace saddlescape::net
