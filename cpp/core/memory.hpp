// Room for large matrices: nothing is written to it, and the system is asked for large pages.
//
// A matrix of 200 MB has 50,000 pages of 4 KiB, each of which is cleared at its first touch and
// asked for at every step down a column; with pages of 2 MiB it has 100.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace saddlescape {

struct Free {
  void operator()(double* p) const { std::free(p); }
};
using Numbers = std::unique_ptr<double[], Free>;

// `count` numbers that hold anything. Throws std::bad_alloc.
inline Numbers numbers(std::int64_t count) {
  constexpr std::size_t page = std::size_t(1) << 21;
  const std::size_t bytes = static_cast<std::size_t>(count > 0 ? count : 1) * sizeof(double);
  const std::size_t unit = bytes >= 2 * page ? page : 64;
  void* const p = std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit);
  if (!p) throw std::bad_alloc();
#if defined(__linux__)
  if (unit == page) madvise(p, bytes, MADV_HUGEPAGE);  // a wish: it may fail
#endif
  return Numbers(static_cast<double*>(p));
}

}  // namespace saddlescape
