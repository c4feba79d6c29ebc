// One chunk of samples through the network: forward, backward, and the tangent of both.
//
// It all runs on the calling thread: mlp.cpp gives threads chunks of their own, or vectors.
// n is the number of samples of the chunk, all matrices are (n, d_l) row-major. In the names of
// Pearlmutter (1994), "Fast exact multiplication by the Hessian", Neural Computation 6(1), R{.} is
// the derivative of a quantity when theta moves along v.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "core/blas.hpp"
#include "net/activation_kernels.hpp"
#include "net/mlp.hpp"

namespace saddlescape::net {

// Sums of losses: at least float64.
template <class T>
using Sum = std::conditional_t<std::is_same_v<T, float>, double, T>;

// How many terms the mean of the loss is over.
inline std::int64_t mean_terms(const Architecture& net, std::int64_t samples) {
  std::int64_t terms = samples;
  with_loss(net.loss, [&](auto loss) {
    if (decltype(loss)::per_element) terms *= net.outputs();
  });
  return terms;
}

enum class Need { values, slopes, curvatures };

template <class T>
class Pass {
 public:
  // Room for chunks of `rows` of a batch of `total_samples`, over which the loss is a mean.
  Pass(const Architecture& net, const T* theta, std::int64_t rows, std::int64_t total_samples)
      : net_(net), theta_(theta), rows_(std::min(rows, total_samples)) {
    const std::size_t L = static_cast<std::size_t>(net.layers());
    a_.resize(L + 1);
    slope_.resize(L + 1);
    curvature_.resize(L + 1);
    delta_.resize(L + 1);
    back_.resize(L + 1);
    for (std::size_t l = 1; l <= L; ++l) a_[l].resize(size(l));
    scale_ = T(1) / static_cast<T>(mean_terms(net, total_samples));
  }

  // a_l, and phi'(s_l), phi''(s_l) as needed.
  void forward(const Batch<T>& chunk, Need need) {
    for (std::int64_t l = 1; l <= net_.layers(); ++l) {
      // s_l = a_{l-1} W_l^T + b_l
      const bool with_bias = net_.bias;
      if (with_bias)
        for (std::int64_t i = 0; i < chunk.N; ++i) std::copy_n(b(l), d(l), a(l) + i * d(l));
      blas::gemm(blas::Op::none, blas::Op::transpose, chunk.N, d(l), d(l - 1), T(1),
                 input(chunk, l), d(l - 1), W(l), d(l - 1), with_bias ? T(1) : T(0), a(l), d(l));
      if (l < net_.layers()) activate(l, chunk.N, need);
    }
  }

  const T* outputs() const { return a_.back().data(); }
  T scale() const { return scale_; }

  Sum<T> loss_sum(const Batch<T>& chunk) const {
    Sum<T> sum = 0;
    const std::int64_t C = net_.outputs();
    with_loss(net_.loss, [&](auto loss) {
      for (std::int64_t i = 0; i < chunk.N; ++i)
        sum += static_cast<Sum<T>>(loss.value(outputs() + i * C, chunk.Y + i * C, C));
    });
    return sum;
  }

  // What products with the loss's Hessian need of each sample's outputs.
  void keep_loss_curvature(const Batch<T>& chunk) {
    const std::int64_t C = net_.outputs();
    with_loss(net_.loss, [&](auto loss) {
      const std::int64_t width = loss.kept(C);
      kept_.resize(static_cast<std::size_t>(rows_ * width));
      for (std::int64_t i = 0; i < chunk.N; ++i)
        loss.keep(outputs() + i * C, chunk.Y + i * C, C, kept_.data() + i * width);
    });
  }
  const T* kept() const { return kept_.data(); }

  // delta_l = dL/ds_l (l = L ... 1) and back_l = delta_{l+1} W_{l+1} = dL/da_l.
  void backward(const Batch<T>& chunk) {
    const std::int64_t L = net_.layers(), C = net_.outputs();
    delta_[L].resize(size(L));
    with_loss(net_.loss, [&](auto loss) {
      for (std::int64_t i = 0; i < chunk.N; ++i) {
        T* row = delta_[L].data() + i * C;
        loss.gradient(outputs() + i * C, chunk.Y + i * C, C, row);
        for (std::int64_t c = 0; c < C; ++c) row[c] *= scale_;
      }
    });
    for (std::int64_t l = L - 1; l >= 1; --l) {
      delta_[l].resize(size(l));
      back_[l].resize(size(l));
      blas::gemm(blas::Op::none, blas::Op::none, chunk.N, d(l), d(l + 1), T(1), delta(l + 1),
                 d(l + 1), W(l + 1), d(l), T(0), back_[l].data(), d(l));
      // delta_l = back_l * phi'(s_l)
      const T *back = back_[l].data(), *slope = slope_[l].data();
      T* out = delta_[l].data();
      for (std::int64_t i = 0; i < chunk.N * d(l); ++i) out[i] = back[i] * slope[i];
    }
  }

  // g += dL/dtheta of the chunk: dL/dW_l = delta_l^T a_{l-1}, dL/db_l = sum_i delta_l.
  void add_gradient(const Batch<T>& chunk, T* g) const {
    for (std::int64_t l = 1; l <= net_.layers(); ++l) {
      blas::gemm(blas::Op::transpose, blas::Op::none, d(l), d(l - 1), chunk.N, T(1), delta(l), d(l),
                 input(chunk, l), d(l - 1), T(1), g + net_.weight_offset(l), d(l - 1));
      if (net_.bias) add_column_sums(delta(l), chunk.N, d(l), g + net_.bias_offset(l));
    }
  }

  static void add_column_sums(const T* rows, std::int64_t n, std::int64_t width, T* out) {
    std::vector<Sum<T>> sums(static_cast<std::size_t>(width));
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < width; ++j) sums[j] += rows[i * width + j];
    for (std::int64_t j = 0; j < width; ++j) out[j] = static_cast<T>(out[j] + sums[j]);
  }

  const Architecture& net() const { return net_; }
  std::int64_t d(std::int64_t l) const { return net_.sizes[l]; }
  std::size_t size(std::int64_t l) const { return static_cast<std::size_t>(rows_ * d(l)); }
  const T* W(std::int64_t l) const { return theta_ + net_.weight_offset(l); }
  const T* b(std::int64_t l) const { return theta_ + net_.bias_offset(l); }
  const T* input(const Batch<T>& chunk, std::int64_t l) const {  // a_{l-1}
    return l == 1 ? chunk.X : a_[l - 1].data();
  }
  const T* slope(std::int64_t l) const { return slope_[l].data(); }
  const T* curvature(std::int64_t l) const { return curvature_[l].data(); }
  const T* delta(std::int64_t l) const { return delta_[l].data(); }
  const T* back(std::int64_t l) const { return back_[l].data(); }

 private:
  T* a(std::int64_t l) { return a_[l].data(); }

  void activate(std::int64_t l, std::int64_t n, Need need) {
    if (need != Need::values) slope_[l].resize(size(l));
    if (need == Need::curvatures) curvature_[l].resize(size(l));
    T *value = a(l), *slope = slope_[l].data(), *curvature = curvature_[l].data();
    if constexpr (!std::is_same_v<T, long double>)
      if (const Activate<T> loop = activation_kernels().template table<T>().of(net_.activation)) {
        loop(value, need == Need::values ? nullptr : slope,
             need == Need::curvatures ? curvature : nullptr, n * d(l));
        return;
      }
    with_activation(net_.activation, [&](auto phi) {
      for (std::int64_t i = 0; i < n * d(l); ++i) {
        const Jet<T> jet = phi.derivatives(value[i]);
        value[i] = jet.value;
        if (need != Need::values) slope[i] = jet.slope;
        if (need == Need::curvatures) curvature[i] = jet.curvature;
      }
    });
  }

  const Architecture& net_;
  const T* theta_;
  std::int64_t rows_;
  T scale_;  // 1 / N or 1 / (N C)
  std::vector<std::vector<T>> a_, slope_, curvature_, delta_, back_;
  std::vector<T> kept_;
};

// R{.} of the forward and the backward pass of `pass`, along one vector v at a time.
template <class T>
class TangentPass {
 public:
  explicit TangentPass(const Pass<T>& pass) : pass_(pass) {
    const std::size_t L = static_cast<std::size_t>(pass.net().layers());
    Rs_.resize(L + 1);
    Ra_.resize(L + 1);
    Rdelta_.resize(L + 1);
    for (std::size_t l = 1; l <= L; ++l) {
      Rs_[l].resize(pass.size(l));
      Ra_[l].resize(pass.size(l));
      Rdelta_[l].resize(pass.size(l));
    }
  }

  // Hv += H v of the chunk; `pass` has been forward and backward over it.
  void add_product(const Batch<T>& chunk, const T* v, T* Hv) {
    forward(chunk, v);
    loss(chunk);
    for (std::int64_t l = net().layers() - 1; l >= 1; --l) backward(chunk, v, l);
    for (std::int64_t l = 1; l <= net().layers(); ++l) add_to(chunk, l, Hv);
  }

 private:
  using Op = blas::Op;

  void forward(const Batch<T>& chunk, const T* v) {
    for (std::int64_t l = 1; l <= net().layers(); ++l) {
      const std::int64_t n = chunk.N, d = pass_.d(l), d_in = pass_.d(l - 1);
      T* Rs = Rs_[l].data();
      // R{s_l} = a_{l-1} V_l^T + R{a_{l-1}} W_l^T + v_l; R{a_0} = 0
      if (net().bias)
        for (std::int64_t i = 0; i < n; ++i) std::copy_n(v + net().bias_offset(l), d, Rs + i * d);
      blas::gemm(Op::none, Op::transpose, n, d, d_in, T(1), pass_.input(chunk, l), d_in,
                 v + net().weight_offset(l), d_in, net().bias ? T(1) : T(0), Rs, d);
      if (l > 1)
        blas::gemm(Op::none, Op::transpose, n, d, d_in, T(1), Ra_[l - 1].data(), d_in, pass_.W(l),
                   d_in, T(1), Rs, d);
      if (l < net().layers()) {
        // R{a_l} = phi'(s_l) * R{s_l}
        const T* slope = pass_.slope(l);
        T* Ra = Ra_[l].data();
        for (std::int64_t i = 0; i < n * d; ++i) Ra[i] = slope[i] * Rs[i];
      }
    }
  }

  // R{delta_L} = (d2 loss / df2) R{f}
  void loss(const Batch<T>& chunk) {
    const std::int64_t L = net().layers(), C = net().outputs();
    T* Rdelta = Rdelta_[L].data();
    const T* Rf = Rs_[L].data();
    const T scale = pass_.scale();
    with_loss(net().loss, [&](auto loss) {
      const std::int64_t width = loss.kept(C);
      for (std::int64_t i = 0; i < chunk.N; ++i) {
        loss.product(pass_.kept() + i * width, C, Rf + i * C, Rdelta + i * C);
        for (std::int64_t c = 0; c < C; ++c) Rdelta[i * C + c] *= scale;
      }
    });
  }

  // R{delta_l} = (R{delta_{l+1}} W_{l+1} + delta_{l+1} V_{l+1}) * phi'(s_l)
  //            + (delta_{l+1} W_{l+1}) * phi''(s_l) * R{s_l}
  void backward(const Batch<T>& chunk, const T* v, std::int64_t l) {
    const std::int64_t n = chunk.N, d = pass_.d(l), d_out = pass_.d(l + 1);
    T* Rdelta = Rdelta_[l].data();
    blas::gemm(Op::none, Op::none, n, d, d_out, T(1), Rdelta_[l + 1].data(), d_out, pass_.W(l + 1),
               d, T(0), Rdelta, d);
    blas::gemm(Op::none, Op::none, n, d, d_out, T(1), pass_.delta(l + 1), d_out,
               v + net().weight_offset(l + 1), d, T(1), Rdelta, d);
    const T *slope = pass_.slope(l), *curvature = pass_.curvature(l), *back = pass_.back(l);
    const T* Rs = Rs_[l].data();
    for (std::int64_t i = 0; i < n * d; ++i)
      Rdelta[i] = Rdelta[i] * slope[i] + back[i] * curvature[i] * Rs[i];
  }

  // R{dL/dW_l} = R{delta_l}^T a_{l-1} + delta_l^T R{a_{l-1}},  R{dL/db_l} = sum_i R{delta_l}
  void add_to(const Batch<T>& chunk, std::int64_t l, T* Hv) {
    const std::int64_t n = chunk.N, d = pass_.d(l), d_in = pass_.d(l - 1);
    T* out = Hv + net().weight_offset(l);
    blas::gemm(Op::transpose, Op::none, d, d_in, n, T(1), Rdelta_[l].data(), d,
               pass_.input(chunk, l), d_in, T(1), out, d_in);
    if (l > 1)
      blas::gemm(Op::transpose, Op::none, d, d_in, n, T(1), pass_.delta(l), d, Ra_[l - 1].data(),
                 d_in, T(1), out, d_in);
    if (net().bias) Pass<T>::add_column_sums(Rdelta_[l].data(), n, d, Hv + net().bias_offset(l));
  }

  const Architecture& net() const { return pass_.net(); }

  const Pass<T>& pass_;
  std::vector<std::vector<T>> Rs_, Ra_, Rdelta_;
};

}  // namespace saddlescape::net
