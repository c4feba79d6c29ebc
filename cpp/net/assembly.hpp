// The dense Hessian of the mean loss at the speed of matrix products.
//
// Not P Hessian products, 12 N P^2 operations: with, for each sample,
//
//   S_mm = d2L / ds_m^2,   S_lm = (ds_m / ds_l)^T S_mm   for l < m,
//   D_lm = da_{m-1} / ds_l,   delta_m = dL / ds_m,   a_l with a 1 appended for the bias,
//
// the block of layers l <= m is
//
//   H[(p, q), (i, j)] = sum S_lm[p, i] a_{l-1}[q] a_{m-1}[j]
//                     + sum delta_m[i] D_lm[j, p] a_{l-1}[q]        (l < m, j no bias)
//
// over the samples: two products of matrices, N inside, whose columns are products of two rows and
// are built tile by tile. For l = m the first is symmetric in (p, i) and in (q, j), which leaves a
// quarter of it: N P^2 / 2 operations there, N P^2 at most in all, whatever the number of outputs.
//
// S goes backward as delta does (Bishop 1992, "Exact calculation of the Hessian matrix for the
// multilayer perceptron", eq. 4.4 there for one hidden layer):
//
//   S_lm = phi'(s_l) (W_{l+1}^T S_{l+1,m})                        rows scaled, l < m
//   S_mm = phi'(s_m) (W_{m+1}^T S_{m+1,m+1} W_{m+1}) phi'(s_m) + diag(dL/da_m phi''(s_m))
//   D_lm = (D_{l+1,m} W_{l+1}) phi'(s_l)                          columns scaled
#pragma once

#include "net/mlp.hpp"

namespace saddlescape::net {

// H = G + F: the Gauss-Newton part J^T (d2 loss / df2) J, and the rest, which second derivatives of
// the network bring in and which alone can make H indefinite where the loss is convex.
enum class Part { all, gauss_newton, functional };

// H (k, k), exactly symmetric, for the k parameters of the layers first ... last (from 1).
void hessian(const Architecture& net, const double* theta, const Batch<double>& batch, Part part,
             std::int64_t first, std::int64_t last, double* H);

// The diagonal of the whole H, (P,), for the price of S_mm.
void hessian_diagonal(const Architecture& net, const double* theta, const Batch<double>& batch,
                      Part part, double* diagonal);

}  // namespace saddlescape::net
