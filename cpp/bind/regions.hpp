// Memory that is in use, for checked arrays: core/regions says what overlaps what.
#pragma once

#include <string>

#include "bind/array.hpp"
#include "core/regions.hpp"

namespace saddlescape::bind {

class Regions {
 public:
  // Throws ValueError (std::invalid_argument) if it overlaps one that is here.
  void add(const Array& array, const std::string& name) {
    regions_.add(array.data, bytes(array), name);
  }

  void refuse(const Array& array, const std::string& name) const {
    if (const Region* other = regions_.overlapping(array.data, bytes(array)))
      saddlescape::Regions::refuse(name, *other);
  }

 private:
  static std::int64_t bytes(const Array& array) { return array.size * width(array.dtype); }

  saddlescape::Regions regions_;
};

}  // namespace saddlescape::bind
