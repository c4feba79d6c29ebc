#include "cuda/block.hpp"
#include "cuda/halves.hpp"
#include "cuda/launch.hpp"
#include "cuda/numbers.hpp"

namespace saddlescape::cuda {
namespace {

constexpr std::int64_t of_block = four * block_threads;

std::int64_t blocks_of(std::int64_t n) { return (n + of_block - 1) / of_block; }

// f(i, count) for every four numbers of n, fewer at the end.
template <class F>
SADDLESCAPE_KERNEL void by_fours(const Block& block, std::int64_t n, const F& f) {
  block.all([&](int thread) {
    const std::int64_t i = block.index() * of_block + four * thread;
    if (i < n) f(i, n - i < four ? static_cast<int>(n - i) : four);
  });
}

struct Widen {
  Element type;
  const void* from;
  std::int64_t n;
  float* to;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    by_fours(block, n, [&](std::int64_t i, int count) {
      put(take_from<float>(type, from, i, count), to + i, count);
    });
  }
};

struct Narrow {
  Element type;
  const float* from;
  std::int64_t n;
  void* to;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    by_fours(block, n, [&](std::int64_t i, int count) {
      Four<float> numbers = take(from + i, count);
      put_into(type, numbers, to, i, count, Rounding{false, 0, 0});
    });
  }
};

}  // namespace

void widen(const Stream& stream, Element type, const void* from, std::int64_t n, float* to) {
  launch("numbers in float32", stream, blocks_of(n), Widen{type, from, n, to});
}

void narrow(const Stream& stream, Element type, const float* from, std::int64_t n, void* to) {
  launch("numbers in two bytes", stream, blocks_of(n), Narrow{type, from, n, to});
}

}  // namespace saddlescape::cuda
