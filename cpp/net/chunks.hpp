// Sums over the samples of a batch, chunk by chunk.
//
//   out = (...((part_1 + part_2) + part_3) + ...), one part for each chunk of samples in order:
//   the bits depend neither on the number of threads nor on which of them took which chunk.
//
// A chunk has up to 128 samples, or `rows`. There is an even number of them, as nearly equal as
// whole tiles of rows allow: 14 of 128 and one of 5 gave one of two threads a sixth more than its
// half.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/parallel.hpp"
#include "net/weights.hpp"

namespace saddlescape::net {

constexpr std::int64_t chunk_rows = 128, tile_rows = 8;
// Below this many multiplications a second thread costs more than it saves.
constexpr std::int64_t serial_work = 200'000;

inline std::int64_t chunk_count(std::int64_t samples, std::int64_t rows = chunk_rows) {
  if (samples <= rows) return samples > 0;
  return 2 * ((samples + 2 * rows - 1) / (2 * rows));
}

// The first sample of a chunk, and of the one behind the last: all of them.
inline std::int64_t chunk_start(std::int64_t samples, std::int64_t index,
                                std::int64_t rows = chunk_rows) {
  const std::int64_t tiles = (samples + tile_rows - 1) / tile_rows;
  const std::int64_t count = std::max<std::int64_t>(1, chunk_count(samples, rows));
  return std::min(samples, tiles * index / count * tile_rows);
}

template <class T>
Batch<T> chunk_of(const Architecture& net, const Batch<T>& batch, std::int64_t index,
                  std::int64_t rows = chunk_rows) {
  const std::int64_t start = chunk_start(batch.N, index, rows);
  const std::int64_t n = chunk_start(batch.N, index + 1, rows) - start;
  if (batch.order) return {batch.X, batch.Y, n, batch.weight, batch.order + start};
  return {batch.X + start * net.inputs(), batch.Y ? batch.Y + start * net.outputs() : nullptr, n,
          batch.weight ? batch.weight + start : nullptr};
}

// Chunks that a thread needs to be worth its start, with `products` products of all weights each.
inline std::int64_t chunk_grain(const Architecture& net, std::int64_t products) {
  return 1 + serial_work / (chunk_rows * std::max<std::int64_t>(1, products * net.parameters()));
}

// Parts that stand beside one another: so many that threads seldom wait for the slowest of them,
// but not more than some 16 MB of float32.
inline std::int64_t wave_chunks(std::int64_t width) {
  return std::clamp<std::int64_t>(4'000'000 / std::max<std::int64_t>(1, width), 16, 256);
}

// to += from, or to = from; shared out where it is long.
template <class T>
void add_part(const T* from, T* to, std::int64_t n, bool first) {
  parallel_for(n, 50'000, [&](std::int64_t begin, std::int64_t end) {
    if (first)
      std::copy(from + begin, from + end, to + begin);
    else
      add(from + begin, to + begin, end - begin);
  });
}

// worker() makes what a range of chunks needs, and worker(...)(chunk, part) writes the chunk's part
// (width,). Returns the sum of what it returns.
template <class T, class S, class Worker>
S sum_over_chunks(std::int64_t chunks, std::int64_t grain, std::int64_t width, T* out,
                  const Worker& worker) {
  const std::int64_t wave = std::min(chunks, wave_chunks(width));
  const Room<T> parts = room<T>(wave * width);
  std::vector<S> sums(static_cast<std::size_t>(chunks));
  for (std::int64_t start = 0; start < chunks; start += wave) {
    const std::int64_t count = std::min(wave, chunks - start);
    parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
      auto work = worker();
      for (std::int64_t c = begin; c < end; ++c)
        sums[start + c] = work(start + c, parts.get() + c * width);
    });
    for (std::int64_t c = 0; c < count && width > 0; ++c)
      add_part(parts.get() + c * width, out, width, start + c == 0);
  }
  S sum = 0;
  for (const S& each : sums) sum += each;
  return sum;
}

}  // namespace saddlescape::net
