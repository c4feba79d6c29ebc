// The loops of watch.hpp. Blocks are short enough that a processor has one's roots and divisions
// under way while it adds up the block before.
#include "core/tile_sums.hpp"
#include "update/blocks.hpp"
#include "update/loops.hpp"
#include "update/watch_kernels.hpp"

namespace saddlescape::update {
namespace {

using lanes::RowSums;
using lanes::tile_row;

// A row of sixteen elements, read once and written once.
template <class Rule, class T, class... State>
SADDLESCAPE_BLOCK_LOOP void watch_row(const Rule& h, std::int64_t n, T* __restrict p,
                                      const T* __restrict g, T* __restrict before,
                                      const T* __restrict last, RowSums<T, watch_sums>& sums,
                                      State* __restrict... s) {
  T old[tile_row], now[tile_row], slope[tile_row];
#pragma omp simd
  for (std::int64_t j = 0; j < n; ++j) {
    old[j] = now[j] = p[j];
    slope[j] = g[j];
  }
  update_block<Rule, T>(h, n, now, slope, s...);
#pragma omp simd
  for (std::int64_t j = 0; j < n; ++j) {
    const T move = now[j] - old[j];
    p[j] = now[j];
    before[j] = old[j];
    sums.lane[0][j] += slope[j] * slope[j];
    sums.lane[1][j] += slope[j] * last[j];
    sums.lane[2][j] += move * move;
  }
}

template <class T>
SADDLESCAPE_BLOCK_LOOP void copy(const T* __restrict from, std::int64_t n, T* __restrict to) {
  for (std::int64_t j = 0; j < n; ++j) to[j] = from[j];
}

// Fewer than sixteen, as a row that is filled up with zeros: one by one they would take as long as
// as many rows.
template <class Rule, class T, class... State>
[[gnu::noinline]] void watch_rest(const void* folded, std::int64_t n, T* __restrict p,
                                  const T* __restrict g, T* __restrict before,
                                  const T* __restrict last, RowSums<T, watch_sums>& sums,
                                  State* __restrict... s) {
  Rule h;
  __builtin_memcpy(&h, folded, sizeof h);
  T now[tile_row] = {}, slope[tile_row] = {}, old[tile_row], other[tile_row] = {};
  T held[max_states][tile_row] = {};
  copy(p, n, now);
  copy(g, n, slope);
  copy(last, n, other);
  int k = 0;
  (copy(s, n, held[k++]), ...);
  void* rows[max_states];
  for (k = 0; k < max_states; ++k) rows[k] = held[k];
  RowSums<T, watch_sums> own;
  with_states<Rule::states, T>(rows, [&](auto*... row) {
    watch_row<Rule, T>(h, tile_row, now, slope, old, other, own, row...);
  });
  copy(now, n, p);
  copy(old, n, before);
  k = 0;
  (copy(held[k++], n, s), ...);
  for (k = 0; k < watch_sums; ++k)
    for (std::int64_t j = 0; j < n; ++j) sums.lane[k][j] += own.lane[k][j];
}

template <class Rule, class T>
void run_watched(const void* folded, std::int64_t n, void* parameters, const void* gradient,
                 void* const* state, const Watched& watched, double* sums) {
  Rule h;
  __builtin_memcpy(&h, folded, sizeof h);
  T* const p = static_cast<T*>(parameters);
  const T* const g = static_cast<const T*>(gradient);
  T* const before = static_cast<T*>(watched.before);
  const T* const last = watched.last ? static_cast<const T*>(watched.last) : g;
  with_states<Rule::states, T>(state, [&](auto*... s) {
    for (std::int64_t tile = 0; tile < n; tile += watch_tile, sums += watch_sums)
      lanes::tile_sums<T, watch_sums>(
          n - tile < watch_tile ? n - tile : watch_tile, sums,
          [&](std::int64_t i, std::int64_t length, RowSums<T, watch_sums>& row) {
            i += tile;
            if (length == tile_row)
              watch_row<Rule, T>(h, tile_row, p + i, g + i, before + i, last + i, row, s + i...);
            else if (length > 0)
              watch_rest<Rule, T>(folded, length, p + i, g + i, before + i, last + i, row,
                                  s + i...);
          });
  });
}

}  // namespace
}  // namespace saddlescape::update

namespace u = saddlescape::update;

#define SADDLESCAPE_WATCH(name, Struct) \
  {u::run_watched<u::Struct<float>, float>, u::run_watched<u::Struct<double>, double>},
#define SADDLESCAPE_NONE(name, Struct, Direction, kind) {nullptr, nullptr}, {nullptr, nullptr},

extern "C" const u::WatchKernels SADDLESCAPE_TABLE(_watch) = {
    {SADDLESCAPE_KERNEL_LIST(SADDLESCAPE_WATCH, SADDLESCAPE_NONE)}};
