// Where to put an array that is read or written beside others, element by element.
//
// Vectors must not cross lines of the cache: in cache an Adam step over arrays that begin at a line
// takes two thirds of the time of one over arrays that begin 16 bytes behind it. And a load whose
// address agrees in its low 12 bits with a store that is still under way waits for it: arrays that
// begin at the same place of a page, as large ones do, wait for each other.
#pragma once

#include <cstdint>

namespace saddlescape {

constexpr std::int64_t stagger_page = 4096, stagger_step = 448;  // of whole lines

// Bytes to skip from `start` on, less than a page, to the place in a page that is `lane` steps
// behind that of `beside`: at the start of a line if `beside` is.
inline std::int64_t stagger(const void* start, const void* beside, std::int64_t lane) {
  const auto place = [](const void* p) {
    return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(p) % stagger_page);
  };
  const std::int64_t wanted = (place(beside) + lane * stagger_step) % stagger_page;
  return (wanted - place(start) + stagger_page) % stagger_page;
}

}  // namespace saddlescape
