// The loops of panel.cpp, compiled once for each instruction set (panel_cpu.cpp).
#pragma once

#include <cstdint>

#include "core/tables.hpp"

namespace saddlescape::eig {

struct PanelKernels {
  // v (n), tau with (I - tau v v^T) x = (beta, 0, ..., 0), v_0 = 1; returns beta. tau = 0 where
  // there is nothing to take away. x and v do not overlap.
  double (*reflect)(std::int64_t n, const double* x, double* v, double* tau);
  // x <- (I - tau v v^T) x.
  void (*apply)(std::int64_t n, const double* v, double tau, double* x);
};

const PanelKernels& panel_kernels();

}  // namespace saddlescape::eig

SADDLESCAPE_TABLES(saddlescape::eig::PanelKernels, _panel)
