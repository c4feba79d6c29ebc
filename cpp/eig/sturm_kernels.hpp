// The loop of sturm.cpp, compiled once for each instruction set (sturm_cpu.cpp).
#pragma once

#include <cstdint>

#include "core/tables.hpp"

namespace saddlescape::eig {

constexpr std::int64_t shifts_at_once = 32;

struct SturmKernels {
  // below[k] <- how many eigenvalues of the tridiagonal matrix with diagonal d (n) and squared
  // off-diagonal e2 (n - 1) are below x[k], for shifts_at_once shifts. |d|, |x| at most 4, e2 from
  // 2^-120 to 1.
  void (*count)(std::int64_t n, const double* d, const double* e2, const double* x,
                std::int64_t* below);
};

const SturmKernels& sturm_kernels();

}  // namespace saddlescape::eig

SADDLESCAPE_TABLES(saddlescape::eig::SturmKernels, _sturm)
