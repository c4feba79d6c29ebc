#include "eig/reduction_error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/blas.hpp"
#include "core/reduce.hpp"

namespace saddlescape::eig {
namespace {

using blas::Op;

constexpr double u = 0x1p-53;       // unit roundoff
constexpr double above = 1 + 1e-9;  // more than the sums of squares round, for n^2 < 10^13 / 2
constexpr std::int64_t short_piece = 48;  // of the sums here, which are rounded little
constexpr double of_a_sweep = 1450 * u;

double gamma(std::int64_t k) {
  const double ku = static_cast<double>(k) * u;
  return ku / (1 - ku);
}

// How often a term of a sum over m is rounded at most that is added up from pieces of 48 and more:
// a product may begin at what is there already, and its own terms come one after the other.
std::int64_t terms(std::int64_t m) { return m + m / short_piece + 2; }

// At least the Frobenius norm of `rows` rows of m elements.
double norm(std::int64_t rows, std::int64_t m, const double* x, std::int64_t stride) {
  double squares = 0;
  for (std::int64_t i = 0; i < rows; ++i) squares += reduce::sum_squares(x + i * stride, m);
  return std::sqrt(squares) * above + 0x1p-500;
}

// Largest row sum of magnitudes, of the matrix and of its transpose.
struct Sums {
  double rows = 0, columns = 0;
  Sums(std::int64_t k, const double* x, std::int64_t stride) {
    for (std::int64_t i = 0; i < k; ++i) {
      double row = 0, column = 0;
      for (std::int64_t j = 0; j < k; ++j) {
        row += std::abs(x[i * stride + j]);
        column += std::abs(x[j * stride + i]);
      }
      rows = std::max(rows, row * above);
      columns = std::max(columns, column * above);
    }
  }
};

// c (k x w) = A B^T, the sums over m from pieces.
void gram(std::int64_t k, std::int64_t w, std::int64_t m, const double* a, std::int64_t a_stride,
          const double* b, std::int64_t b_stride, double* c) {
  for (std::int64_t i = 0; i < m; i += short_piece)
    blas::gemm_tile(Op::none, Op::transpose, k, w, std::min(short_piece, m - i), 1.0, a + i,
                    a_stride, b + i, b_stride, i == 0 ? 0.0 : 1.0, c, w);
}

}  // namespace

ReductionError::ReductionError(std::int64_t n, const double* s)
    : norm_(1.01 * norm(n, n, s, n)) {}  // and what rounding may add to it

void ReductionError::before(const Panel& panel) {
  panel_.resize(static_cast<std::size_t>(panel.w * panel.m));
  for (std::int64_t c = 0; c < panel.w; ++c)
    std::copy(panel.columns + c * panel.stride, panel.columns + c * panel.stride + panel.m,
              panel_.data() + c * panel.m);
}

void ReductionError::after(const Panel& panel) {
  m_ = panel.m;
  k_ = panel.reflectors();
  const std::size_t square = static_cast<std::size_t>(panel.w * panel.w);
  for (auto* each : {&gram_, &work_, &more_}) each->resize(square);
  departure(panel);
  residual(panel);
}

// v, v_F, t, c, and delta = v^2 ||E|| + c^2 ||dG||, E = T + T^T - T^T G T, G = V^T V.
void ReductionError::departure(const Panel& panel) {
  const std::int64_t k = k_, w = panel.w;
  const double* const t = panel.t;
  v_f_ = norm(k, m_, panel.v, panel.v_stride);
  gram(k, k, m_, panel.v, panel.v_stride, panel.v, panel.v_stride, gram_.data());
  const double of_g = gamma(terms(m_)) * v_f_ * v_f_;
  const double g = Sums(k, gram_.data(), k).rows;
  v_ = std::sqrt(g + of_g) * above;
  const Sums sums(k, t, w);
  t_ = std::sqrt(sums.rows * sums.columns) * above;
  const double of_products = gamma(2 * k + 4) * g * t_ * t_;
  // T G T^T
  blas::gemm_tile(Op::none, Op::none, k, k, k, 1.0, t, w, gram_.data(), k, 0.0, work_.data(), k);
  blas::gemm_tile(Op::none, Op::transpose, k, k, k, 1.0, work_.data(), k, t, w, 0.0, more_.data(),
                  k);
  c_ = std::sqrt(Sums(k, more_.data(), k).rows + of_products + t_ * t_ * of_g) * above;
  // E
  blas::gemm_tile(Op::none, Op::none, k, k, k, 1.0, gram_.data(), k, t, w, 0.0, work_.data(), k);
  blas::gemm_tile(Op::transpose, Op::none, k, k, k, -1.0, t, w, work_.data(), k, 0.0, more_.data(),
                  k);
  for (std::int64_t i = 0; i < k; ++i)
    for (std::int64_t j = 0; j < k; ++j) more_[i * k + j] += t[i * w + j] + t[j * w + i];
  const double e = norm(k, k, more_.data(), k) + of_products + gamma(4) * (g * t_ * t_ + 2 * t_);
  delta_ = (v_ * v_ * e + c_ * c_ * of_g) * above;
  total_ += delta_ * norm_;
}

// sqrt(2) ||P - V T^T (V^T P) - R||
void ReductionError::residual(const Panel& panel) {
  const std::int64_t k = k_, w = panel.w;
  const double p = norm(w, m_, panel_.data(), m_);
  gram(k, w, m_, panel.v, panel.v_stride, panel_.data(), m_, work_.data());
  blas::gemm_tile(Op::transpose, Op::none, k, w, k, 1.0, panel.t, w, work_.data(), w, 0.0,
                  more_.data(), w);
  const double vp = norm(k, w, work_.data(), w), tvp = norm(k, w, more_.data(), w);
  blas::gemm_tile(Op::transpose, Op::none, w, m_, k, -1.0, more_.data(), w, panel.v, panel.v_stride,
                  1.0, panel_.data(), m_);
  for (std::int64_t j = 0; j < w; ++j)
    for (std::int64_t i = 0; i <= std::min(j, m_ - 1); ++i)
      panel_[j * m_ + i] -= panel.columns[j * panel.stride + i];
  const double rounding = c_ * gamma(terms(m_)) * v_f_ * p + v_ * t_ * gamma(k + 1) * vp +
                          gamma(k + 4) * (2 * p + v_f_ * tvp);
  total_ += 1.4143 * (norm(w, m_, panel_.data(), m_) + rounding);
}

void ReductionError::x(const double* x, std::int64_t stride) { x_ = norm(k_, m_, x, stride); }

void ReductionError::rest(const double* w, std::int64_t stride, const double* s, const double* m) {
  const double sum = gamma(terms(m_)), short_sum = gamma(k_ + 2);
  const double w_norm = norm(k_, m_, w, stride), m_norm = norm(k_, k_, m, k_);
  const double dy = sum * norm_ * v_f_, ds = sum * v_f_ * x_;
  const double dx = short_sum * t_ * (norm_ * v_ + dy);
  const double dm = short_sum * t_ * norm(k_, k_, s, k_);
  const double dw = short_sum * (x_ + v_f_ * m_norm / 2);
  total_ += 2 * (1 + delta_) * (c_ * dy + v_ * dx) + v_ * (c_ * ds + v_ * dm) + 2 * v_ * dw +
            gamma(2 * k_ + 2) * (norm_ + 2 * v_f_ * w_norm);
}

double ReductionError::total(std::int64_t n) const {
  const double order = static_cast<double>(n);
  const double sum = (total_ + order * of_a_sweep * norm_) * above + order * order * 1e-139;
  // Beyond, the norms above would not bound those on the way.
  return sum <= 0.005 * norm_ ? sum : std::numeric_limits<double>::infinity();
}

}  // namespace saddlescape::eig
