// One piece of memory cut into arrays: measured first, then given out.
//
//   Cut measure;          arrange(measure);          // measure.used: bytes
//   Cut cut{memory};      arrange(cut);              // the same arrays, with addresses
#pragma once

#include <cstdint>

namespace saddlescape::cuda {

struct Cut {
  unsigned char* base = nullptr;
  std::int64_t used = 0;

  // Null while it only measures, and for an array of no numbers.
  template <class T>
  T* take(std::int64_t count) {
    constexpr std::int64_t line = 256;  // what one access of a warp moves at most
    const std::int64_t at = used;
    used += (count * static_cast<std::int64_t>(sizeof(T)) + line - 1) / line * line;
    return base && count ? reinterpret_cast<T*>(base + at) : nullptr;
  }
};

}  // namespace saddlescape::cuda
