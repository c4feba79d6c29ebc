// Rows of numbers in the host's memory: inner products, and what is taken out of them.
//
// A basis is stored by rows, one vector of length n a row, so that a new vector is appended behind
// the others and each is contiguous for the operator. Where vectors are spread over processes these
// are rows of pieces, n numbers each, and `sum` adds inner products up: many at a time, since it is
// the number of sums that costs.
#pragma once

#include <cstdint>

#include "eig/operator.hpp"

namespace saddlescape::eig {

// Of k vectors, one behind the other, to `lengths`.
void norms(std::int64_t n, std::int64_t k, const double* x, double* lengths, const Sum& sum = {});

// H <- alpha V B^T (j x k)
void inner_products(std::int64_t n, std::int64_t j, const double* v, std::int64_t k,
                    const double* b, double alpha, double* h, const Sum& sum = {});

// Takes the unit vector q out of the k rows of x and adds what was taken to `taken` (k).
void take_out(std::int64_t n, const double* q, std::int64_t k, double* x, double* taken,
              const Sum& sum = {});

// H = V B^T (j x k), then B <- B - H^T V: takes the span of the j rows of V out of the k rows of B.
void project_out(std::int64_t n, std::int64_t j, const double* v, std::int64_t k, double* b,
                 double* h, const Sum& sum = {});

// B <- (I - V^T V)^2 B, with H (j x k) what was taken out in both passes: "twice is enough". V is
// read three times, not four: behind the first pass a tile of it is still in the cache for the
// second one's inner products. The same bits for any number of threads.
void project_out_twice(std::int64_t n, std::int64_t j, const double* v, std::int64_t k, double* b,
                       double* h, const Sum& sum = {});

// Rows 0..l-1 of `v` <- S times rows 0..j-1 of it, S (l x j), l <= j; in place.
void rotate_rows(std::int64_t n, std::int64_t l, std::int64_t j, const double* s, double* v);

}  // namespace saddlescape::eig
