// From a dense to a band matrix: B = Q^T S Q with half bandwidth b, by matrix products.
//
// S (n x n, symmetric), b = `bandwidth`. A panel of b columns under the band, P = Q R
// (eig/panel.hpp), Q = I - V T V^T; on the rest of the matrix, A,
//
//   X = A V T,   W = X - 1/2 V (T^T V^T X),   Q^T A Q = A - V W^T - W V^T,
//
// 4/3 n^3 operations in all, half of them in X and half in the update, and both are products with
// long inner dimensions or large results (Dongarra, Hammarling, Sorensen 1989; Bischof, Lang, Sun
// 2000). A reduction straight to tridiagonal form has half of its operations in products of the
// matrix with one vector, which read all of it from memory for every column.
//
// S lies by rows, and its upper triangle is kept up to date, by tiles: those on the diagonal are
// kept whole, so that a block of columns of A is one product with what lies above the end of its
// diagonal tile and one with the rows beside that. Tiles are the same for any number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "eig/bulge.hpp"

namespace saddlescape::eig {

// T of every panel: V itself lies in S.
struct Panels {
  std::vector<double> t;  // bandwidth x bandwidth for each
};

class ReductionError;

// s (n x n) both triangles, is overwritten; `error`, if there is one, sums up what rounding does to
// the eigenvalues. With `kept`, row j + c holds column c of the V of the
// panel that begins at column j, from element j + bandwidth on.
void dense_to_band(std::int64_t n, double* s, Band& band, Panels* kept, ReductionError* error);

// Sums over a dimension of the matrix are added up from pieces of at most so many terms.
constexpr std::int64_t piece = 512;

}  // namespace saddlescape::eig
