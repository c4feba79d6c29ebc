// The products of an elimination: the Schur complement behind a panel, and the sums of its rows.
#pragma once

#include <cstdint>

#include "eig/ldlt.hpp"

namespace saddlescape::eig {

// How many numbers of room subtract_panel needs for its row sums.
std::int64_t room_of_row_sums(std::int64_t n);

// M -= C L^T over `filled` columns of a panel (as they lie: eig/elimination.hpp), for rows and
// columns [first, n) of the upper triangle, and sums += the row sums of |M| there. By blocks of all
// rows and a few columns, whose part of L stays in the second cache; on all threads, with the same
// bits for any number of them.
void subtract_panel(const Triangle& m, std::int64_t first, std::int64_t filled, const double* C,
                    const double* L, double* sums, double* row_sums);

}  // namespace saddlescape::eig
