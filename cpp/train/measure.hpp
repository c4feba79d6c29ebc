// What a training step is told by: norms, from sums over tiles of a fixed size that are added in
// a fixed order in float64, so that the bits depend on neither threads nor instruction set.
#pragma once

#include <cstdint>
#include <vector>

#include "net/mlp.hpp"
#include "update/watch.hpp"

namespace saddlescape::train {

constexpr std::int64_t measure_tile = update::watch_tile;

inline std::int64_t measure_tiles(std::int64_t n) { return (n + measure_tile - 1) / measure_tile; }

// Sums of tiles, up to update::watch_sums for each; grows once.
using Partial = std::vector<double>;

// The first `count` sums of so many tiles, which stand together for each tile, added up in the
// order of core/in_groups.hpp.
void add_in_groups(const Partial& partial, std::int64_t tiles, int count, double* totals);

struct Measured {
  double norm = 0;
  // Of the angle to `last`, whose norm is last_norm: NaN where there is none, or a norm is 0.
  double cosine = 0;
};

// |g|, and the cosine of its angle to `last`, which may be null.
//
// In float32 the sums over tiles take their terms in float32, each right to 5e-7; where a norm is
// so large or small that these might overflow or vanish, they are taken again in float64.
template <class T>
Measured measure(const T* g, const T* last, double last_norm, std::int64_t n, Partial& partial);

// The same from the sums of g^2 and g last over all tiles.
template <class T>
Measured measured(double square, double product, const T* g, const T* last, double last_norm,
                  std::int64_t n, Partial& partial);

// |theta - before|; not finite if theta is not, where `before` is.
template <class T>
double distance(const T* theta, const T* before, std::int64_t n, Partial& partial);

// The same from the sum of (theta - before)^2 over all tiles.
template <class T>
double distance_of(double square, const T* theta, const T* before, std::int64_t n,
                   Partial& partial);

// Of the weights w, not of the biases: l1 sum |w| + l2 / 2 sum w^2 joins the loss.
struct Penalty {
  double l1 = 0, l2 = 0;
  bool any() const { return l1 != 0 || l2 != 0; }
};

// Adds the penalty's gradient, l1 sign(w) + l2 w, to g and returns its value.
template <class T>
double penalise(const net::Architecture& net, const T* theta, const Penalty& penalty, T* g);

}  // namespace saddlescape::train
