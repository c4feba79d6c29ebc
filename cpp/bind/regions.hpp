// Memory that is in use, so that an array which shares some of it can be refused by both names.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "bind/array.hpp"

namespace saddlescape::bind {

// A stretch of memory and what lies there.
struct Region {
  const char* begin;
  const char* end;
  std::string name;
};

// Stretches that don't overlap, kept in order: a look-up takes log n.
class Regions {
 public:
  // Throws ValueError if it overlaps one that is here.
  void add(const Array& array, const std::string& name) {
    if (array.size == 0) return;
    refuse(array, name);
    const Region region{begin(array), end(array), name};
    sorted_.insert(after(region.begin), region);
  }

  void refuse(const Array& array, const std::string& name) const {
    if (array.size == 0) return;
    // Regions are disjoint: only the last that starts before the end of `array` can reach into it.
    auto next = after(end(array) - 1);
    if (next == sorted_.begin() || (--next)->end <= begin(array)) return;
    throw py::value_error(name + ": shares memory with " + next->name +
                          ", expected an array of its own");
  }

 private:
  static const char* begin(const Array& array) { return array.as<char>(); }
  static const char* end(const Array& array) {
    return begin(array) + array.size * (array.dtype == Dtype::float32 ? 4 : 8);
  }
  std::vector<Region>::const_iterator after(const char* address) const {
    return std::upper_bound(sorted_.begin(), sorted_.end(), address,
                            [](const char* at, const Region& region) { return at < region.begin; });
  }

  std::vector<Region> sorted_;
};

}  // namespace saddlescape::bind
