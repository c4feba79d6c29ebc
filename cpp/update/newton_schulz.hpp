// Newton-Schulz (Jordan 2024): brings the singular values of a matrix near 1.
//
//   X <- D / max(|D|, eps), |D| its Frobenius norm, so that no singular value is above 1
//   n times:  A = X X^T,  X <- a X + (b A + c A^2) X
//
// Each singular value s goes to a s + b s^3 + c s^5. With Jordan's coefficients, which have the
// steepest start, five rounds bring what is above 0.002 to between 0.68 and 1.21, not to 1: that is
// meant. What is 0 stays 0.
#pragma once

#include "update/step.hpp"

namespace saddlescape::update {

// Room for a tensor's direction, and for its products, in workspace.matrix; the pass that writes
// the direction finds it at workspace.direction.
void make_room(const Tensor& tensor, Workspace& workspace);

// Turns workspace.direction, a matrix with this norm, into what it should move along.
void newton_schulz(const Tensor& tensor, const Options& options, double norm, Workspace& workspace);

// How long the step is, without lr: s in muon.hpp.
double matrix_length(const Tensor& tensor, const Options& options);

}  // namespace saddlescape::update
