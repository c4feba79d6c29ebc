// Samples of a batch one behind the other, where it has an order or its rows are too short.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/parallel.hpp"
#include "net/mlp.hpp"

namespace saddlescape::net {

// The batch without its order. Rows of X come to X (N, ld), zero behind the inputs; if there is an
// order, targets come to Y (N, outputs) and weights, if it has any, to `weight` (N,).
template <class T>
Batch<T> gathered(const Architecture& net, const Batch<T>& batch, std::int64_t ld, T* X, T* Y,
                  T* weight) {
  constexpr std::int64_t numbers = 65'536;  // that a thread needs to be worth its start
  const std::int64_t d = net.inputs(), C = net.outputs();
  parallel_for(batch.N, 1 + numbers / (d + C), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t row = batch.order ? batch.order[i] : i;
      std::copy_n(batch.X + row * d, d, X + i * ld);
      std::fill(X + i * ld + d, X + (i + 1) * ld, T(0));
      if (!batch.order) continue;
      std::copy_n(batch.Y + row * C, C, Y + i * C);
      if (batch.weight) weight[i] = batch.weight[row];
    }
  });
  if (!batch.order) return {X, batch.Y, batch.N, batch.weight};
  return {X, Y, batch.N, batch.weight ? weight : nullptr};
}

}  // namespace saddlescape::net
