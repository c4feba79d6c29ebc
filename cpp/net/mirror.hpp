// The lower triangle of a symmetric matrix from the upper one.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/parallel.hpp"

namespace saddlescape::net {

// Transposed copies go square by square: two lines of cache in each row.
constexpr std::int64_t square = 16;

// H[r, c] = H[c, r] for begin <= r < end and c < min(r, columns); rows of H are `width` long.
inline void mirror(double* H, std::int64_t width, std::int64_t begin, std::int64_t end,
                   std::int64_t columns) {
  const std::int64_t tiles = (end - begin + square - 1) / square;
  parallel_for(tiles, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t t = first; t < last; ++t) {
      const std::int64_t r0 = begin + t * square, r1 = std::min(end, r0 + square);
      for (std::int64_t c0 = 0; c0 < std::min(r1, columns); c0 += square)
        for (std::int64_t r = r0; r < r1; ++r)
          for (std::int64_t c = c0; c < std::min({r, columns, c0 + square}); ++c)
            H[r * width + c] = H[c * width + r];
    }
  });
}

}  // namespace saddlescape::net
