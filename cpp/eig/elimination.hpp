// The loops of an elimination, compiled once for each instruction set (elimination_cpu.cpp).
#pragma once

#include <cstdint>

#include "core/tables.hpp"

namespace saddlescape::eig {

struct EliminationKernels {
  // The index of the largest |x_i| but for i = self; -1 if there is none.
  std::int64_t (*largest)(const double* x, std::int64_t n, std::int64_t self);
  // l = w / d (0 where d is 0), c = w, and |l d - c| <= e.
  void (*divide)(const double* w, std::int64_t n, double d, double* l, double* c, double* e);
  // (l1, l2) D = (w, x) for D = (a b; b c), c1 = w, c2 = x, and what that is off by, elementwise.
  void (*divide_two)(const double* w, const double* x, std::int64_t n, double a, double b, double c,
                     double* const l[2], double* const kept[2], double* const e[2]);
  // sums += |l| sum |c| + |c| (1 + sum |l|), off += |l| sum e + e (1 + sum |l|); returns sum e.
  double (*note)(const double* l, const double* c, const double* e, std::int64_t n, double* sums,
                 double* off);
  // sums_i += |x_i|; returns sum |x_i|.
  double (*add_magnitudes)(const double* x, std::int64_t n, double* sums);
};

const EliminationKernels& elimination_kernels();

}  // namespace saddlescape::eig

SADDLESCAPE_TABLES(saddlescape::eig::EliminationKernels, _elimination)
