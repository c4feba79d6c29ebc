// The loop of sturm.cpp, compiled once for each instruction set (sturm_cpu.cpp).
#pragma once

#include <cstdint>

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

extern "C" {
#if defined(__x86_64__)
extern const saddlescape::eig::SturmKernels kernels_x86_64_v2_sturm;
extern const saddlescape::eig::SturmKernels kernels_x86_64_v3_sturm;
extern const saddlescape::eig::SturmKernels kernels_x86_64_v4_sturm;
#else
extern const saddlescape::eig::SturmKernels kernels_generic_sturm;
#endif
}
