// The options of a Lanczos run as they are used.
#pragma once

#include "eig/lanczos.hpp"

namespace saddlescape::eig {

// Both ends clipped to n, sizes filled in, everything checked: throws std::invalid_argument that
// names the option.
LanczosOptions checked(const Operator& op, const LanczosOptions& options);

// What must be the same in all processes that hold pieces of the vectors.
std::vector<double> steering(const Operator& op, const LanczosOptions& options);

// A space of so few vectors is grown to the end if that is all there are.
std::int64_t smallest_basis(std::int64_t pairs, std::int64_t block);

}  // namespace saddlescape::eig
