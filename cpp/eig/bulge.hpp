// From a band to a tridiagonal matrix: T = Q^T B Q, by chasing bulges in cache.
//
// B (n x n, symmetric, half bandwidth b = `bandwidth`), T tridiagonal, Q a product of n - 2 sweeps.
// Sweep j takes column j to one subdiagonal element by a reflector of rows R_0 = j+1 .. j+b. From
// both sides that fills a b x b block under the band, a bulge; only its first column is taken away,
// by a reflector of rows R_1 = R_0 + b, and so on down to the end: what is left of the bulge lies
// where sweep j + 1 makes its own. (Lang 1993, "A parallel algorithm for reducing symmetric banded
// matrices to tridiagonal form"; Bischof, Lang, Sun 2000, "A framework for symmetric band
// reduction"; the steps as in Haidar, Ltaief, Dongarra 2011, "Parallel reduction to condensed forms
// for symmetric eigenvalue problems using aggregated fine-grained and memory-aware kernels".)
//
// 6 b n^2 operations. Step k of sweep j touches columns R_k, rows R_k and R_k+1 only, and may begin
// when sweep j - 1 has done its step k + 1: so a group of sweeps goes down the matrix together,
// each a step behind the one before, within the second cache, and groups go down it on several
// threads, each waiting for the one before. Every element sees the same operations in the same
// order however many threads there are: the same bits.
//
// Storage: element (i, j), i >= j, stands at j * stride + i (stride 2 b + 7 and one for the
// diagonal), room for the bulges included, with zeros to b columns behind the last: a reflector
// that reaches beyond the matrix sees zeros there and leaves them, so that every block is b x b.
#pragma once

#include <cstdint>

#include "core/memory.hpp"

namespace saddlescape::eig {

constexpr std::int64_t bandwidth = 64;

// The lower band of a symmetric matrix, and room to chase bulges in.
class Band {
 public:
  explicit Band(std::int64_t n);
  std::int64_t n() const { return n_; }
  double& at(std::int64_t i, std::int64_t j) { return data_[j * stride + i]; }
  double* diagonal(std::int64_t j) { return data_.get() + j * (stride + 1); }
  // From a column to the next, in the same row; a multiple of 8: a row has one alignment.
  static constexpr std::int64_t stride = 2 * bandwidth + 8;

 private:
  std::int64_t n_;
  Numbers data_;
};

// The reflectors I - tau v v^T of all sweeps, if somebody wants Q: those of sweep j stand behind
// one another, `bandwidth` elements each, from rows j + 1 on.
class Sweeps {
 public:
  explicit Sweeps(std::int64_t n);
  static std::int64_t steps(std::int64_t n, std::int64_t sweep) {
    return (n - 1 - sweep + bandwidth - 1) / bandwidth;
  }
  double* v(std::int64_t sweep, std::int64_t step) {
    return v_.get() + (first(sweep) + step) * bandwidth;
  }
  double& tau(std::int64_t sweep, std::int64_t step) { return tau_[first(sweep) + step]; }

 private:
  // Steps of the sweeps before `sweep`.
  std::int64_t first(std::int64_t sweep) const;
  std::int64_t n_;
  Numbers v_, tau_;
};

// d (n), e (n - 1) <- the diagonals of T; the band is destroyed. `kept` may be null.
void tridiagonal_of_band(Band& band, double* d, double* e, Sweeps* kept);

}  // namespace saddlescape::eig
