// The loops of panel.cpp, compiled once for each instruction set (panel_cpu.cpp).
#pragma once

#include <cstdint>

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

extern "C" {
#if defined(__x86_64__)
extern const saddlescape::eig::PanelKernels kernels_x86_64_v2_panel;
extern const saddlescape::eig::PanelKernels kernels_x86_64_v3_panel;
extern const saddlescape::eig::PanelKernels kernels_x86_64_v4_panel;
#else
extern const saddlescape::eig::PanelKernels kernels_generic_panel;
#endif
}
