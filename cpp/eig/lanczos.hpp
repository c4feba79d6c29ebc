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
// orthogonal to them starts anew. Were an eigenvalue missing, the new space would find it: after
// j steps from a random vector, the outermost Ritz value is further than a part g of the spread
// from the outermost eigenvalue with a probability of at most 1.648 sqrt(n) exp(-sqrt(g) (2j - 1))
// (Kuczynski, Wozniakowski, SIAM J. Matrix Anal. Appl. 13 (1992)). The check ends
// when that is below 1e-4, with g the gap from the wanted window to the next Ritz value, or when
// the next pair has converged. Whatever enters the window is merged, and the check starts again.
// The theorem is of Lanczos without restarts: beyond `basis_size` steps it is an indication.
//
// If n <= basis_size the space is grown to all n dimensions: then nothing can be missing.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "eig/operator.hpp"

namespace saddlescape::eig {

enum class Outcome {
  converged,  // every pair, and none is missing
  unchecked,  // every pair, but the products ended before the check for missing ones did
  stagnated,  // the products are not exact enough for tol
  budget,     // max_products was reached
  stopped     // the callback said so
};

struct LanczosOptions {
  std::int64_t low = 1, high = 1;  // pairs at the lower and at the upper end
  double tol = 1e-6;               // ||A x - theta x|| <= tol ||A||
  std::int64_t max_products = 0;   // 0: 100 times basis_size
  std::int64_t block = 1;
  std::uint64_t seed = 0;
  // Called now and then with the wanted Ritz values and their residuals; true stops the run.
  std::function<bool(std::int64_t products, const std::vector<double>& values,
                     const std::vector<double>& residuals)>
      callback;
};

struct LanczosResult {
  std::vector<double> eigenvalues;   // k, ascending: the low ones, then the high ones
  std::vector<double> eigenvectors;  // k x n, a unit vector a row
  std::vector<double> residuals;     // k: ||A x - theta x||, computed with real products
  std::vector<bool> converged;       // k: residual <= tol ||A||
  std::int64_t products = 0;
  Outcome outcome = Outcome::converged;
};

// max(40, 2 (low + high) + 20), and at least eight blocks besides the wanted vectors.
std::int64_t basis_size(std::int64_t pairs, std::int64_t block);

// Throws std::invalid_argument that names the option, and whatever op.apply or callback throws.
// low + high >= n gives all n pairs, once.
LanczosResult lanczos(const Operator& op, const LanczosOptions& options);

}  // namespace saddlescape::eig
