// NumPy arrays of zeros that are placed in memory as core/stagger.hpp says.
#pragma once

#include "bind/array.hpp"

namespace saddlescape::bind {

// At the start of a line of the cache; or, where `beside` is another array that is visited together
// with it, at that one's place in a line, and a large one `lane` steps further in a page.
py::array placed_zeros(const Shape& shape, Dtype dtype, const void* beside = nullptr,
                       std::int64_t lane = 0);

}  // namespace saddlescape::bind
