// The table that watch_cpu.cpp exports once for each instruction set.
#pragma once

#include <cstdint>

#include "core/tables.hpp"
#include "update/all.hpp"

namespace saddlescape::update {

constexpr std::int64_t watch_tile = 4096;
constexpr int watch_sums = 3;

struct Watched {
  void* before;      // becomes the parameters as they were
  const void* last;  // the gradient before this one; null: sums[1] is sums[0]
};

// Runs one rule over n elements; the first one starts a tile.
using Watch = void (*)(const void* folded, std::int64_t n, void* p, const void* g,
                       void* const* state, const Watched& watched, double* sums);

struct WatchKernels {  // [index in SADDLESCAPE_KERNEL_LIST][Real]
  Watch watch[kernel_count][2];
};

const WatchKernels& watch_kernels();

}  // namespace saddlescape::update

SADDLESCAPE_TABLES(saddlescape::update::WatchKernels, _watch)
