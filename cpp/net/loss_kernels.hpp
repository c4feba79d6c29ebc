// Cross-entropy (loss.hpp has it one sample at a time) as loops over vectors of samples, compiled
// once for each instruction set (loss_cpu.cpp).
#pragma once

#include <cstdint>

#include "core/tables.hpp"

namespace saddlescape::net {

// Samples that go through at a time; `room` numbers are scratch.
constexpr std::int64_t loss_block = 64;
constexpr std::int64_t loss_room(std::int64_t outputs) { return (3 * outputs + 6) * loss_block; }

// n samples with C outputs f, rows of ldf numbers, targets y, rows of C, and weights w, each of
// which multiplies what follows of its sample.
template <class T>
struct Outputs {
  const T* f;
  std::int64_t ldf;
  const T* y;
  std::int64_t n, C;
  const T* weight;  // (n,), or null
};

template <class T>
struct CrossEntropyTable {
  // The sum of the losses.
  double (*value)(const Outputs<T>& outputs, T* room);
  // delta = scale dloss/df, rows of ldd. kept, unless it is null, (C + 1, ldk): the softmax p and
  // s = w sum_c y_c, samples last.
  void (*gradient)(const Outputs<T>& outputs, T scale, T* delta, std::int64_t ldd, T* kept,
                   std::int64_t ldk, T* room);
  // Both where the samples stand last: f (C, n) and delta (C, n), which may be f, rows of ldf; the
  // same bits.
  double (*value_and_gradient)(const Outputs<T>& outputs, T scale, T* delta, T* room);
  // Rdelta = scale d2loss/df2 Rf, rows of ld.
  void (*product)(const T* kept, std::int64_t ldk, std::int64_t n, std::int64_t C, T scale,
                  const T* Rf, T* Rdelta, std::int64_t ld, T* room);
};

using LossKernels = BothPrecisions<CrossEntropyTable>;

const LossKernels& loss_kernels();

}  // namespace saddlescape::net

SADDLESCAPE_TABLES(saddlescape::net::LossKernels, _loss)
