// All tensors of a step laid end to end, cut into units that threads share.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/parallel.hpp"
#include "update/step.hpp"

namespace saddlescape::update {

// A thread that gets less than this costs more to wake than it saves: from cache, two threads break
// even with one at 250 KiB in all (Zen 5, GCC's OpenMP, both cores idle; later when they are busy).
constexpr std::int64_t grain_bytes = 128 * 1024;

constexpr std::int64_t ceiling(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit; }

// Ranges are cut at multiples of this, so that a large tensor's cuts fall on its vectors.
constexpr std::int64_t line_bytes = 64;
inline std::int64_t line(const Tensor& tensor) { return line_bytes / width(tensor.gradient_type); }

inline bool has_gradient(const Tensor& tensor) { return tensor.gradient != nullptr; }

// Calls visit(i, first, begin, end) for ranges of elements of the tensors for which wanted(tensor)
// is true. unit(tensor): the elements that stay together, so that a cut falls on whole vectors,
// blocks or tiles. Of the whole row of units this visits [from, to); `first` is the number of the
// unit that begin starts.
template <class Wanted, class Unit, class Visit>
void for_each_range_within(const Tensor* tensors, std::int64_t count, std::int64_t from,
                           std::int64_t to, const Wanted& wanted, const Unit& unit, Visit&& visit) {
  std::int64_t start = 0;  // the number of tensor i's first unit
  for (std::int64_t i = 0; i < count && start < to; ++i) {
    if (!wanted(tensors[i])) continue;
    const std::int64_t length = unit(tensors[i]);
    const std::int64_t units = ceiling(tensors[i].size, length);
    const std::int64_t first = std::max<std::int64_t>(from - start, 0);
    const std::int64_t last = std::min(to - start, units);
    if (first < last)
      visit(i, start + first, first * length, std::min(last * length, tensors[i].size));
    start += units;
  }
}

// The same for the whole row, shared by threads; each has a visit of its own. unit_bytes: the
// memory that the visit of one unit moves. begin(at), at in [0, 1): called first by each thread,
// with the place of its part; where it is false the part is left out.
template <class Wanted, class Unit, class Visit, class Begin>
void for_each_range(const Tensor* tensors, std::int64_t count, std::int64_t unit_bytes,
                    const Wanted& wanted, const Unit& unit, const Visit& visit,
                    const Begin& begin) {
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < count; ++i)
    if (wanted(tensors[i])) total += ceiling(tensors[i].size, unit(tensors[i]));
  const std::int64_t grain = std::max<std::int64_t>(1, grain_bytes / unit_bytes);
  parallel_for(total, grain, [&](std::int64_t first, std::int64_t last) {
    if (!begin(static_cast<double>(first) / static_cast<double>(total))) return;
    Visit mine = visit;
    for_each_range_within(tensors, count, first, last, wanted, unit, mine);
  });
}

inline void* at(void* array, std::int64_t bytes) {
  return array ? static_cast<char*>(array) + bytes : nullptr;
}
inline const void* at(const void* array, std::int64_t bytes) {
  return static_cast<const char*>(array) + bytes;
}

}  // namespace saddlescape::update
