// LAPACK's dsytf2 for a lower triangle, written out: what the functions that stand in for
// cuSOLVER's factor with. a (n x n) column-major, pivots (n) from 1 on.
#pragma once

#include <cstdint>

namespace saddlescape::cuda::hosted {

void ldlt(std::int64_t n, double* a, int* pivots);

}  // namespace saddlescape::cuda::hosted
