// How many samples go through at a time, and memory for them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "cuda/device.hpp"
#include "cuda/net/cut.hpp"
#include "net/mlp.hpp"

namespace saddlescape::cuda {

// arrange(cut, rows) takes what `rows` samples need.
template <class Arrange>
std::int64_t bytes_of_rows(std::int64_t rows, const Arrange& arrange) {
  Cut measure;
  arrange(measure, rows);
  return measure.used;
}

// As many rows as stay within `most_bytes`, at least one: all samples in chunks as equal as can be.
template <class Arrange>
std::int64_t chunk_rows_of(std::int64_t samples, std::int64_t most_bytes, const Arrange& arrange) {
  constexpr std::int64_t many = 1024;  // over which the rounding of addresses is nothing
  const std::int64_t more = bytes_of_rows(2 * many, arrange) - bytes_of_rows(many, arrange);
  const std::int64_t each = std::max<std::int64_t>(1, more / many);
  const std::int64_t most = std::clamp<std::int64_t>(most_bytes / each, 1, samples);
  const std::int64_t chunks = (samples + most - 1) / most;
  return (samples + chunks - 1) / chunks;
}

// Lets `memory` hold `rows` rows and arranges them in it. OutOfMemory says how many would fit.
template <class Arrange>
void arrange_in(Memory& memory, std::int64_t rows, const Arrange& arrange) {
  const std::int64_t bytes = bytes_of_rows(rows, arrange);
  try {
    memory.grow(bytes);
  } catch (const OutOfMemory& error) {
    const std::int64_t each = std::max<std::int64_t>(1, bytes / rows);
    throw OutOfMemory(std::string(error.what()) + "; " + std::to_string(rows) +
                      " samples at a time need " + std::to_string(each) + " bytes each, " +
                      std::to_string(device().free / each) + " would fit");
  }
  Cut cut{memory.as<unsigned char>()};
  arrange(cut, rows);
}

template <class T>
net::Batch<T> rows_of(const net::Architecture& net, const net::Batch<T>& batch, std::int64_t start,
                      std::int64_t rows) {
  const std::int64_t n = std::min(rows, batch.N - start);
  if (batch.order) return {batch.X, batch.Y, n, batch.weight, batch.order + start};
  return {batch.X + start * net.inputs(), batch.Y ? batch.Y + start * net.outputs() : nullptr, n,
          batch.weight ? batch.weight + start : nullptr};
}

}  // namespace saddlescape::cuda
