#include "eig/panel.hpp"

#include <algorithm>
#include <vector>

#include "core/blas.hpp"
#include "core/isa.hpp"
#include "eig/panel_kernels.hpp"

namespace saddlescape::eig {

const PanelKernels& panel_kernels() { SADDLESCAPE_ACTIVE(_panel) }

namespace {

using blas::Op;

constexpr std::int64_t leaf = 8;  // columns whose reflectors are applied one by one

class Factorization {
 public:
  explicit Factorization(const Panel& panel)
      : p_(panel), k_(panel.reflectors()), product_(static_cast<std::size_t>(2 * p_.w * p_.w)) {}

  void run() {
    std::fill(p_.t, p_.t + p_.w * p_.w, 0.0);
    recurse(0, p_.w);
  }

 private:
  double* column(std::int64_t c) { return p_.columns + c * p_.stride; }
  double* v(std::int64_t c) { return p_.v + c * p_.v_stride; }
  double& t(std::int64_t i, std::int64_t j) { return p_.t[i * p_.w + j]; }

  // Columns [begin, end); behind the last reflector there is nothing to take away.
  void recurse(std::int64_t begin, std::int64_t end) {
    if (begin >= k_) return;
    if (end - begin <= leaf) {
      one_by_one(begin, end);
      return;
    }
    const std::int64_t middle = begin + (end - begin) / 2;
    recurse(begin, middle);
    apply(begin, std::min(middle, k_), middle, end);
    recurse(middle, end);
    join(begin, std::min(middle, k_), std::min(end, k_));
  }

  void one_by_one(std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < std::min(end, k_); ++c) {
      std::fill(v(c), v(c) + c, 0.0);
      double tau;
      const double beta = kernels_.reflect(p_.m - c, column(c) + c, v(c) + c, &tau);
      column(c)[c] = beta;
      for (std::int64_t j = c + 1; j < end; ++j)
        kernels_.apply(p_.m - c, v(c) + c, tau, column(j) + c);
      t(c, c) = tau;
      join(begin, c, c + 1);
    }
  }

  // C <- (I - V T^T V^T) C for the columns [c, end), V the reflectors [begin, middle).
  void apply(std::int64_t begin, std::int64_t middle, std::int64_t c, std::int64_t end) {
    const std::int64_t count = end - c, k = middle - begin, rows = p_.m - begin;
    double* const vc = product_.data();
    double* const tvc = vc + p_.w * p_.w;
    // C^T V, C^T V T, and C^T - (C^T V T) V^T
    blas::gemm_tile(Op::none, Op::transpose, count, k, rows, 1.0, column(c) + begin, p_.stride,
                    v(begin) + begin, p_.v_stride, 0.0, vc, k);
    blas::gemm_tile(Op::none, Op::none, count, k, k, 1.0, vc, k, &t(begin, begin), p_.w, 0.0, tvc,
                    k);
    blas::gemm_tile(Op::none, Op::none, count, rows, k, -1.0, tvc, k, v(begin) + begin, p_.v_stride,
                    1.0, column(c) + begin, p_.stride);
  }

  // The upper right block of T: -T_1 (V_1^T V_2) T_2.
  void join(std::int64_t begin, std::int64_t middle, std::int64_t end) {
    const std::int64_t k1 = middle - begin, k2 = end - middle;
    if (k1 <= 0 || k2 <= 0) return;
    double* const vv = product_.data();
    double* const tvv = vv + p_.w * p_.w;
    blas::gemm_tile(Op::none, Op::transpose, k1, k2, p_.m - middle, 1.0, v(begin) + middle,
                    p_.v_stride, v(middle) + middle, p_.v_stride, 0.0, vv, k2);
    blas::gemm_tile(Op::none, Op::none, k1, k2, k1, -1.0, &t(begin, begin), p_.w, vv, k2, 0.0, tvv,
                    k2);
    blas::gemm_tile(Op::none, Op::none, k1, k2, k2, 1.0, tvv, k2, &t(middle, middle), p_.w, 0.0,
                    &t(begin, middle), p_.w);
  }

  const Panel& p_;
  std::int64_t k_;
  std::vector<double> product_;
  const PanelKernels& kernels_ = panel_kernels();
};

}  // namespace

void factor(const Panel& panel) {
  if (panel.m > 0) Factorization(panel).run();
}

}  // namespace saddlescape::eig
