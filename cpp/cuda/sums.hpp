// Sums of squares of a tile in the CPU's order: sixteen lanes in float64, added up in order; and
// terms that are added up one after the other.
#pragma once

#include <cstdint>

#include "cuda/block.hpp"
#include "cuda/numbers.hpp"
#include "update/squares.hpp"

namespace saddlescape::cuda {
namespace {

using update::Real;
using update::tile_size;

static_assert(tile_size == four * block_threads);

template <class T>
constexpr Real real = sizeof(T) == sizeof(float) ? Real::float32 : Real::float64;

// Of a thread's place in a tile of `n` elements: how many of its four there are.
SADDLESCAPE_HOST_DEVICE inline int count_of(int thread, std::int64_t n) {
  const std::int64_t left = n - four * thread;
  return static_cast<int>(left < 0 ? 0 : left < four ? left : four);
}

struct TileSum {
  static constexpr int lanes = 16;
  double numbers[tile_size];
  double lane[lanes];

  // out <- sum x^2 of n numbers; value(thread, j): the j-th of the four that the thread holds.
  template <class T, class Value>
  SADDLESCAPE_KERNEL void add(const Block& block, std::int64_t n, const Value& value, double* out) {
    block.phase([&](int thread) {
      for (int j = 0; j < four; ++j) numbers[four * thread + j] = value(thread, j);
    });
    block.phase([&](int thread) {
      if (thread >= lanes) return;
      double sum = 0;
      for (std::int64_t i = thread; i < n; i += lanes) sum += numbers[i] * numbers[i];
      lane[thread] = sum;
    });
    block.phase([&](int thread) {
      if (thread != 0) return;
      double sum = 0;
      for (int l = 0; l < lanes; ++l) sum += lane[l];
      *out = update::tile_squares(sum, real<T>, numbers, nullptr, n);
    });
  }
};

// Hands terms to the first `takers` threads in their order. All threads fetch, so that nobody who
// adds has to wait for memory term by term.
template <class Term, int takers>
struct InOrder {
  static constexpr int at_once = block_threads;
  alignas(16) unsigned char waiting[sizeof(Term) * takers * at_once];

  // add(thread, term) for the terms thread, thread + takers, ... of n for each taker; load(i): the
  // i-th of all.
  template <class Load, class Add>
  SADDLESCAPE_KERNEL void visit(const Block& block, std::int64_t n, const Load& load,
                                const Add& add) {
    for (std::int64_t first = 0; first < n; first += at_once) {
      const std::int64_t left = n - first;
      const auto length = static_cast<int>(left < at_once ? left : at_once);
      block.phase([&](int thread) {
        for (int k = thread; k < takers * length; k += block_threads) {
          const Term term = load(takers * first + k);
          __builtin_memcpy(waiting + sizeof(Term) * static_cast<unsigned>(k), &term, sizeof term);
        }
      });
      block.phase([&](int thread) {
        if (thread >= takers) return;
        for (int k = thread; k < takers * length; k += takers)
          add(thread, object_at<Term>(waiting + sizeof(Term) * static_cast<unsigned>(k)));
      });
    }
  }
};

}  // namespace
}  // namespace saddlescape::cuda
