// The loops of bulge.cpp, compiled once for each instruction set (bulge_cpu.cpp).
#pragma once

#include <cstdint>

#include "core/tables.hpp"

namespace saddlescape::eig {

// H = I - tau v v^T, v_0 = 1; tau = 0 is the identity.
struct Reflector {
  alignas(64) double v[64];
  double tau;
};

struct BulgeKernels {
  // H x = (beta, 0, ..., 0), written to x.
  void (*annihilate)(double* x, Reflector* h);
  // One step of a sweep. `a` is the diagonal element of the first column, `stride` leads to the
  // next column in the same row: the diagonal block D <- H D H; the block under it, B <- B H; then
  // `next` takes the first column of B to one element, and B <- H_next B.
  void (*step)(double* a, std::int64_t stride, const Reflector* h, Reflector* next);
};

const BulgeKernels& bulge_kernels();

}  // namespace saddlescape::eig

SADDLESCAPE_TABLES(saddlescape::eig::BulgeKernels, _bulge)
