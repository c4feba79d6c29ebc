// Stochastic Lanczos quadrature: the spectral density of a symmetric operator from its products.
//
// For a unit vector v, A = sum_i lambda_i u_i u_i^T (n x n) has the measure sum_i (u_i^T v)^2 at
// lambda_i. m Lanczos steps from v give its Gauss quadrature,
//
//     T s_l = theta_l s_l:   nodes theta_l, weights (e_1^T s_l)^2,
//
// exact for polynomials of degree 2m - 1; for v uniform on the sphere the measure has the
// spectrum's own, 1/n at each lambda_i, as its mean (Golub, Meurant, "Matrices, moments and
// quadrature" (2010); Chen, Trogdon, Ubaru, ICML (2021)).
//
// With more than one probe the first one looks for eigenpairs that converge, the outliers. They are
// taken out exactly, 1/n each, and the others start orthogonal to them: they see the rest alone.
// Every probe is orthogonalised fully, twice. The papers do without; then copies of converged nodes
// share a weight and nothing can be read off a single node.
#pragma once

#include <cstdint>
#include <vector>

#include "eig/operator.hpp"

namespace saddlescape::eig {

struct Quadrature {
  // Eigenvalues that count 1/n each; n of them: this is the whole spectrum.
  std::vector<double> known, known_errors;
  // Of all probes, one behind the other: sizes[j] nodes of probe j, with weights that sum to 1.
  std::vector<std::int64_t> sizes;
  std::vector<double> nodes, weights;
  std::vector<double> residuals;  // ||A x_l - theta_l x_l|| with what rounding may add
  std::int64_t products = 0;
  double norm = 0;   // the largest |theta| or ||A v|| seen
  double noise = 0;  // of the products themselves, by the symmetry of T
};

// steps >= 1 products at most for each of probes >= 1. A probe ends early where its Krylov space is
// invariant: its quadrature is exact then. n <= steps gives the whole spectrum.
Quadrature quadrature(const Operator& op, std::int64_t steps, std::int64_t probes,
                      std::uint64_t seed);

}  // namespace saddlescape::eig
