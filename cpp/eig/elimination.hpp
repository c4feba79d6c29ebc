// The loops of an elimination, compiled once for each instruction set (elimination_cpu.cpp).
//
// The columns of L and C of a panel lie as the products want them: place i of column k of C at
// ((i / strip) * panel + k) * strip + i % strip, of L likewise with slices. A product of a strip
// and a slice is a block of strip x slice numbers that stays in registers.
#pragma once

#include <cstdint>

#include "core/tables.hpp"

namespace saddlescape::eig {

constexpr std::int64_t panel = 96;  // columns between two products
constexpr std::int64_t strip = 8, slice = 24;
// So many products are summed before the sum is subtracted: it keeps the rounding small.
constexpr std::int64_t chain = 24;

constexpr std::int64_t strip_at(std::int64_t i) { return i / strip * strip * panel + i % strip; }
constexpr std::int64_t slice_at(std::int64_t i) { return i / slice * slice * panel + i % slice; }

// A block of the upper triangle that is not wholly inside it: rows i .. i + strip, columns
// j .. j + slice, of which those with first <= row <= column < n are there.
struct Corner {
  std::int64_t i, j, first, n;
};

struct EliminationKernels {
  // The index of the largest |x_i| but for i = self; -1 if there is none.
  std::int64_t (*largest)(const double* x, std::int64_t n, std::int64_t self);
  // l = w / d, 0 where d is 0.
  void (*divide)(const double* w, std::int64_t n, double d, double* l);
  // (l1, l2) D = (w, x) for D = (a b; b c), and what that is off by, elementwise.
  void (*divide_two)(const double* w, const double* x, std::int64_t n, double a, double b, double c,
                     double* const l[2], double* const e[2]);
  // sums += |l| sum |c| + |c| (1 + sum |l|); returns sum |c|.
  double (*note)(const double* l, const double* c, std::int64_t n, double* sums);
  // Column 0 of a panel that starts at `c` and `l`, places [from, n).
  void (*keep)(const double* column, std::int64_t from, std::int64_t n, double* c);
  void (*keep_slices)(const double* column, std::int64_t from, std::int64_t n, double* l);
  // w -= sum over k columns of own_k l_k, for some slices.
  void (*subtract)(const double* own, const double* l, std::int64_t k, std::int64_t slices,
                   double* w);
  // rows -= c l over k columns, for some slices; if `sums` is there, adds the magnitudes of what
  // is left to the sums of its columns and of its rows (k > 0). `next`: the rows of the next strip,
  // to be fetched meanwhile.
  void (*subtract_strip)(const double* c, const double* l, std::int64_t k, std::int64_t slices,
                         double* const rows[strip], double* const next[strip], double* sums,
                         double* row_sums);
  // The same for a block at an edge; sums and row_sums are the block's own. Rows that are not there
  // are not looked at.
  void (*subtract_corner)(const double* c, const double* l, std::int64_t k, const Corner& corner,
                          double* const rows[strip], double* sums, double* row_sums);
  // sum |x_i|, and the largest.
  double (*magnitude)(const double* x, std::int64_t n, double* most);
  double (*magnitude_of_floats)(const float* x, std::int64_t n, double* most);
};

const EliminationKernels& elimination_kernels();

}  // namespace saddlescape::eig

SADDLESCAPE_TABLES(saddlescape::eig::EliminationKernels, _elimination)
