// Sums in a fixed order: the same bits for any number of threads.
//
// The data are cut into `chunks` pieces that depend on n alone, each piece is summed in float64 in
// eight lanes, and the pieces are added up as core/in_groups.hpp says.
#pragma once

#include <cstdint>

namespace saddlescape::reduce {

// sum_i x_i^2
double sum_squares(const float* x, std::int64_t n);
double sum_squares(const double* x, std::int64_t n);

// sum_i x_i y_i
double dot(const double* x, const double* y, std::int64_t n);

// True if no x_i is infinite or NaN.
bool all_finite(const float* x, std::int64_t n);
bool all_finite(const double* x, std::int64_t n);

}  // namespace saddlescape::reduce
