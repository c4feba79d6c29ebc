// Orthonormal rows: the things that a Krylov space does with them.
//
// A basis is stored by rows, one vector of length n a row, so that a new vector is appended behind
// the others and each is contiguous for the operator. Where vectors are spread over processes these
// are rows of pieces, n numbers each, and `sum` adds inner products up: many at a time, since it is
// the number of sums that costs.
#pragma once

#include <cstdint>

#include "eig/operator.hpp"

namespace saddlescape::eig {

double norm(std::int64_t n, const double* x, const Sum& sum = {});

// Of k vectors, one behind the other, to `lengths`.
void norms(std::int64_t n, std::int64_t k, const double* x, double* lengths, const Sum& sum = {});

// H = V B^T (j x k), then B <- B - H^T V: takes the span of the j rows of V out of the k rows of B.
void project_out(std::int64_t n, std::int64_t j, const double* v, std::int64_t k, double* b,
                 double* h, const Sum& sum = {});

// B <- (I - V^T V)^2 B, with H (j x k) what was taken out in both passes: "twice is enough". V is
// read three times, not four: behind the first pass a tile of it is still in the cache for the
// second one's inner products. The same bits for any number of threads.
void project_out_twice(std::int64_t n, std::int64_t j, const double* v, std::int64_t k, double* b,
                       double* h, const Sum& sum = {});

// Row r of `v` was a unit vector and becomes one that is orthogonal to rows 0..r-1, which are
// orthonormal. False if nothing certain is left of it.
bool orthonormalise_row(std::int64_t n, double* v, std::int64_t r, const Sum& sum = {});

// Rank-revealing: rows r..r+k-1 of `v` become orthonormal, the largest first. They come orthogonal
// to rows 0..r-1 up to a rounding of `scale_of_rows`, the norm that they had before anything was
// taken out of them; one that is left with less than 100 eps of it is given up, and nothing is
// divided by its norm. Returns the rank q. `c` (k x k): row i of the result took part in input row
// j with the coefficient c[i k + j], zero for i >= q.
std::int64_t orthonormalise_rows(std::int64_t n, double* v, std::int64_t r, std::int64_t k,
                                 double scale_of_rows, double* c, const Sum& sum = {});

// Rows 0..l-1 of `v` <- S times rows 0..j-1 of it, S (l x j), l <= j; in place.
void rotate_rows(std::int64_t n, std::int64_t l, std::int64_t j, const double* s, double* v);

// Rows 0..l-1 of `v`, orthonormal up to a small E = V V^T - I, become so up to E^2: one Newton step
// V <- (I - E/2) V towards the polar factor, which prefers no row to another.
void polish_rows(std::int64_t n, std::int64_t l, double* v, const Sum& sum = {});

}  // namespace saddlescape::eig
