// Memory that is in use, so that an array which shares some of it can be refused by both names.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace saddlescape {

// A stretch of memory and what lies there.
struct Region {
  const char* begin;
  const char* end;
  std::string name;
};

// Stretches that don't overlap, kept in order: a look-up takes log n and allocates nothing.
class Regions {
 public:
  // Throws std::invalid_argument if it overlaps one that is here.
  void add(const void* data, std::int64_t bytes, const std::string& name) {
    if (bytes == 0) return;
    if (const Region* other = overlapping(data, bytes)) refuse(name, *other);
    const char* begin = static_cast<const char*>(data);
    sorted_.insert(after(begin), Region{begin, begin + bytes, name});
  }

  // The stretch that these bytes reach into, or null.
  const Region* overlapping(const void* data, std::int64_t bytes) const {
    if (bytes == 0) return nullptr;
    // Regions are disjoint: only the last that starts before the end can reach into it.
    const char* begin = static_cast<const char*>(data);
    const auto next = after(begin + bytes - 1);
    if (next == sorted_.begin()) return nullptr;
    const Region& last = *(next - 1);
    return std::less<>()(begin, last.end) ? &last : nullptr;
  }

  [[noreturn]] static void refuse(const std::string& name, const Region& other) {
    throw std::invalid_argument(name + ": shares memory with " + other.name +
                                ", expected an array of its own");
  }

 private:
  std::vector<Region>::const_iterator after(const char* address) const {
    return std::upper_bound(
        sorted_.begin(), sorted_.end(), address,
        [](const char* at, const Region& region) { return std::less<>()(at, region.begin); });
  }

  std::vector<Region> sorted_;
};

}  // namespace saddlescape
