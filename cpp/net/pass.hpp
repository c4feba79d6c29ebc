// One chunk of samples through the network: forward, backward, and what both leave for products.
//
// It all runs on the calling thread: mlp.cpp gives threads chunks of their own, or vectors.
// n is the number of samples of the chunk, all matrices are (n, d_l) with rows of ld(l) numbers.
#pragma once

#include <algorithm>
#include <type_traits>
#include <vector>

#include "net/activate_rows.hpp"
#include "net/loss_rows.hpp"
#include "net/weights.hpp"

namespace saddlescape::net {

enum class Need { values, slopes, curvatures };

template <class T>
class Pass {
 public:
  // Room for chunks of `rows` of a batch of `total_samples`, over which the loss is a mean.
  Pass(const Weights<T>& weights, std::int64_t rows, std::int64_t total_samples)
      : weights_(weights),
        rows_(std::min(rows, total_samples)),
        loss_(weights.net(), rows_, weights.ld(weights.net().layers()), total_samples),
        a_(layer_count()),
        slope_(layer_count()),
        bend_(layer_count()),
        delta_(layer_count()) {}

  // a_l, and phi'(s_l), phi''(s_l) as needed. The chunk's X must live as long as this is used.
  void forward(const Batch<T>& chunk, Need need) {
    n_ = chunk.N;
    take_input(chunk.X);
    for (std::int64_t l = 1; l <= net().layers(); ++l) {
      // s_l = a_{l-1} W_l^T + b_l
      weights_.forward(l, n_, l == 1 ? chunk.X : a(l - 1), l == 1 ? d(0) : ld(l - 1),
                       make(a_[l], l), false);
      if (l < net().layers()) activate(l, need);
    }
  }

  const T* outputs() const { return a(net().layers()); }
  Sum<T> loss_sum(const Batch<T>& chunk) { return loss_.value(outputs(), chunk); }
  T scale() const { return loss_.scale(); }
  const LossRows<T>& loss() const { return loss_; }

  // delta_l = dL/ds_l, l = L ... 1, with back_l = delta_{l+1} W_{l+1} = dL/da_l. After a forward
  // pass with curvatures also bend_l = back_l * phi''(s_l).
  void backward(const Batch<T>& chunk, Need need) {
    const std::int64_t L = net().layers();
    const bool bends = need == Need::curvatures;
    loss_.gradient(outputs(), chunk, make(delta_[L], L), bends);
    for (std::int64_t l = L - 1; l >= 1; --l) {
      T* back = make(back_, widest());
      weights_.backward(l + 1, n_, delta(l + 1), back, false);
      // delta_l = back_l * phi'(s_l)
      T *out = make(delta_[l], l), *bend = bends ? bend_[l].get() : nullptr;
      if constexpr (std::is_same_v<T, long double>)
        net::chain(back, slope(l), bend, out, n_ * ld(l));
      else
        table().chain(back, slope(l), bend, out, n_ * ld(l));
    }
  }

  // g = dL/dtheta of the chunk: dL/dW_l = delta_l^T a_{l-1}, dL/db_l = sum_i delta_l.
  void gradient(T* g) {
    for (std::int64_t l = 1; l <= net().layers(); ++l) {
      outer(weights_, l, n_, delta(l), input(l), g + net().weight_offset(l), false, spare());
      if (net().bias) column_sums(delta(l), l, g + net().bias_offset(l));
    }
  }

  void column_sums(const T* rows, std::int64_t l, T* out) const {
    if constexpr (!std::is_same_v<T, long double>) {
      table().column_sums(rows, ld(l), n_, d(l), out);
    } else {
      std::fill_n(out, d(l), T(0));
      for (std::int64_t i = 0; i < n_; ++i)
        for (std::int64_t j = 0; j < d(l); ++j) out[j] += rows[i * ld(l) + j];
    }
  }

  const Weights<T>& weights() const { return weights_; }
  const Architecture& net() const { return weights_.net(); }
  std::int64_t n() const { return n_; }
  std::int64_t d(std::int64_t l) const { return weights_.d(l); }
  std::int64_t ld(std::int64_t l) const { return weights_.ld(l); }
  std::int64_t size(std::int64_t l) const { return rows_ * ld(l); }
  const T* W(std::int64_t l) const { return weights_.W(l); }
  // a_{l-1}, rows of ld(l - 1).
  const T* input(std::int64_t l) const { return l == 1 ? x_ : a(l - 1); }
  const T* slope(std::int64_t l) const { return slope_[l].get(); }
  const T* bend(std::int64_t l) const { return bend_[l].get(); }
  const T* delta(std::int64_t l) const { return delta_[l].get(); }

  std::int64_t spare_size() const { return weights_.spare_size(); }

 private:
  static const DenseTable<T>& table() { return dense_kernels().template table<T>(); }
  std::size_t layer_count() const { return static_cast<std::size_t>(net().layers() + 1); }
  const T* a(std::int64_t l) const { return a_[l].get(); }

  std::int64_t widest() const {
    std::int64_t widest = 0;
    for (std::int64_t l = 1; l < net().layers(); ++l)
      if (ld(l) >= ld(widest) || widest == 0) widest = l;
    return widest;
  }
  T* make(Room<T>& at, std::int64_t l) const {
    if (!at) at = room<T>(size(l));
    return at.get();
  }
  T* spare() {
    if (!spare_) spare_ = room<T>(spare_size());
    return spare_.get();
  }

  // X as the right side of a product: rows of whole vectors.
  void take_input(const T* X) {
    x_ = X;
    if (ld(0) == d(0)) return;
    T* copy = make(wide_, 0);
    for (std::int64_t i = 0; i < n_; ++i) {
      std::copy_n(X + i * d(0), d(0), copy + i * ld(0));
      std::fill(copy + i * ld(0) + d(0), copy + (i + 1) * ld(0), T(0));
    }
    x_ = copy;
  }

  void activate(std::int64_t l, Need need) {
    T* value = a_[l].get();
    T* slope = need != Need::values ? make(slope_[l], l) : nullptr;
    T* curvature = need == Need::curvatures ? make(bend_[l], l) : nullptr;
    activate_rows(net(), value, slope, curvature, n_, d(l), ld(l));
  }

  const Weights<T>& weights_;
  std::int64_t rows_, n_ = 0;
  LossRows<T> loss_;
  const T* x_ = nullptr;
  Room<T> wide_, back_, spare_;
  std::vector<Room<T>> a_, slope_, bend_, delta_;
};

}  // namespace saddlescape::net
