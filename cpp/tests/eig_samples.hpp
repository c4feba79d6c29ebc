// What the tests of the eigen-solvers share: a count of failures, BLAS, an operator.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "core/blas.hpp"
#include "eig/operator.hpp"

#ifndef SADDLESCAPE_TEST_BLAS
#define SADDLESCAPE_TEST_BLAS ""
#endif

inline int failures = 0;

inline void expect(bool ok, const char* what, double value = 0) {
  if (ok) return;
  std::printf("FAILED %s (%g)\n", what, value);
  ++failures;
}

// Prints how it went; for main to return.
inline int summary(const char* name) {
  if (failures == 0) std::printf("%s: all passed\n", name);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

// Squares of equal steps from 0 to 1: dense at the low end.
inline std::vector<double> squares(std::int64_t n) {
  std::vector<double> d(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    const double x = static_cast<double>(i) / static_cast<double>(n - 1);
    d[i] = x * x;
  }
  return d;
}

inline saddlescape::eig::Operator diagonal(const std::vector<double>& d) {
  return {static_cast<std::int64_t>(d.size()), [&d](std::int64_t k, const double* in, double* out) {
            const std::size_t n = d.size();
            for (std::size_t i = 0; i < static_cast<std::size_t>(k) * n; ++i)
              out[i] = d[i % n] * in[i];
          }};
}
