// The Gauss-Newton spectrum of a network with more parameters than N C.
//
// G = sum_n J_n^T (d2 loss / df2) J_n = B^T B with the rows B_nc = (R_n J_n)_c, R_n^T R_n the
// loss's Hessian in the outputs. B B^T (N C, N C) has the same eigenvalues but for zeros, and needs
// no row of B: with d_l,nc the row R_n,c carried back to the pre-activations of layer l and a 1
// appended to a_l for the bias,
//
//   (B B^T)[(n, c), (n', c')] = sum_l (d_l,nc . d_l,n'c') (a_{l-1,n} . a_{l-1,n'}).
#pragma once

#include "net/mlp.hpp"

namespace saddlescape::net {

// K (N C, N C) = B B^T, exactly symmetric, of the mean loss.
void gauss_newton_gram(const Architecture& net, const double* theta, const Batch<double>& batch,
                       double* K);

}  // namespace saddlescape::net
