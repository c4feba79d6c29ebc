// Thick-restart block Lanczos for a few eigenpairs at both ends of a symmetric operator's spectrum.
//
// One Krylov space (eig/krylov.hpp) serves both ends. It grows to `basis_size` vectors, is cut
// down to the wanted Ritz vectors and half of the room besides, and grows again.
//
// Stop: ||A x - theta x|| <= tol ||A||, as PRIMME does. ARPACK and Spectra measure against |theta|,
// which an eigenvalue near zero never satisfies.
//
// Missing pairs: a residual proves that an eigenvalue is near theta, not that theta is the k-th; a
// Krylov space of one vector contains one vector of each eigenspace (scipy#26112, spectra#144). So
// before it says "converged", the wanted pairs are kept, the rest is dropped, and a random block
// orthogonal to them starts anew. Were an eigenvalue missing, the new space would find it: the
// check ends when the probability that it did not (eig/missing.hpp) is below `missing` for what
// lies beyond the last but one of the wanted values of each end. (A further copy of the last one
// would change no value, and what is missing between the last two alone both random starts must
// have missed.) Whatever enters the window is merged, and the check starts again.
//
// If n is no larger than the smallest basis, the space is grown to all n dimensions: then nothing
// can be missing.
//
// Residuals are those of the recurrence, which holds up to rounding because every vector is
// orthogonalised twice against all others; what the products themselves may add to that shows in
// T, which is computed in full. Where that is not far below tol they are computed with products.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "eig/operator.hpp"

namespace saddlescape::eig {

enum class Outcome {
  converged,  // every pair, and none is missing
  unchecked,  // every pair, but the check for missing ones did not end or was not wanted
  stagnated,  // the products are not exact enough for tol
  budget,     // max_products was reached
  stopped     // the callback said so
};

struct LanczosOptions {
  std::int64_t low = 1, high = 1;  // pairs at the lower and at the upper end
  double tol = 1e-6;               // ||A x - theta x|| <= tol ||A||
  std::int64_t max_products = 0;   // 0: 100 times the basis
  std::int64_t block = 1;
  std::int64_t basis = 0;  // vectors held at most; 0: basis_size
  double missing = 1e-4;   // the check ends when this is the probability; 1: no check
  std::uint64_t seed = 0;
  // Vectors (op.here() numbers each, one behind the other, where the operator's vectors lie) to
  // begin near: eigenvectors of a similar operator.
  const double* start = nullptr;
  std::int64_t starts = 0;
  // Where the eigenvectors go, min(low + high, n) rows where the operator's vectors lie; null: to
  // the result.
  double* eigenvectors = nullptr;
  // Called now and then (of several processes, in those that have one) with the wanted Ritz values
  // and their residuals; true stops the run.
  std::function<bool(std::int64_t products, const std::vector<double>& values,
                     const std::vector<double>& residuals)>
      callback;
};

struct LanczosResult {
  std::vector<double> eigenvalues;           // k, ascending: the low ones, then the high ones
  std::vector<double> eigenvectors;          // k x n, a unit vector a row; k x op.here(); or none
  std::vector<double> residuals;             // k: ||A x - theta x||, with what rounding may add
  std::vector<double> gaps, bounds;          // k: eig/pairs.hpp
  std::vector<std::int64_t> multiplicities;  // k: how many can't be told from it, itself included
  std::vector<bool> converged;               // k: residual <= tol ||A||
  double missing = 1;  // probability that a pair further out than these exists (eig/missing.hpp)
  std::int64_t products = 0;
  Outcome outcome = Outcome::converged;
};

// At least max(40, 2 pairs + 20) and eight blocks besides the pairs; up to 160 within 64 MB.
std::int64_t basis_size(std::int64_t n, std::int64_t pairs, std::int64_t block);

// `op` in pieces: all processes call this, with the same options; everything but the eigenvectors
// is the same in all, bit for bit. Throws std::invalid_argument that names the option, and whatever
// op.apply or callback throws. low + high >= n gives all n pairs, once.
LanczosResult lanczos(const Operator& op, const LanczosOptions& options);

}  // namespace saddlescape::eig
