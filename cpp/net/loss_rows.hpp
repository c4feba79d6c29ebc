// The loss of a chunk: value, gradient and Hessian products in the outputs, all samples at once.
//
// Cross-entropy of few outputs goes through loops over vectors of samples (loss_kernels.hpp), all
// else sample by sample through loss.hpp.
#pragma once

#include <algorithm>
#include <type_traits>
#include <vector>

#include "net/loss_kernels.hpp"
#include "net/mlp.hpp"

namespace saddlescape::net {

// Sums of losses: at least float64.
template <class T>
using Sum = std::conditional_t<std::is_same_v<T, float>, double, T>;

// How many terms the mean of the loss is over.
inline std::int64_t mean_terms(const Architecture& net, std::int64_t samples) {
  std::int64_t terms = samples;
  with_loss(net, [&](auto loss) {
    if (decltype(loss)::per_element) terms *= net.outputs();
  });
  return terms;
}

template <class T>
class LossRows {
 public:
  // Outputs come in rows of ld numbers, at most `rows` of them.
  LossRows(const Architecture& net, std::int64_t rows, std::int64_t ld, std::int64_t total_samples)
      : net_(net), rows_(rows), ld_(ld), C_(net.outputs()) {
    mean_over(total_samples);
    by_blocks_ =
        !std::is_same_v<T, long double> && net.loss == Loss::cross_entropy && C_ <= most_outputs;
    if (by_blocks_) scratch_.resize(static_cast<std::size_t>(loss_room(C_)));
  }

  void mean_over(std::int64_t total_samples) {
    scale_ = T(1) / static_cast<T>(mean_terms(net_, total_samples));
  }
  T scale() const { return scale_; }  // 1 / N or 1 / (N C)

  Sum<T> value(const T* f, const T* y, std::int64_t n) {
    if constexpr (!std::is_same_v<T, long double>)
      if (by_blocks_) return table().value({f, ld_, y, n, C_}, scratch_.data());
    Sum<T> sum = 0;
    with_loss(net_, [&](auto loss) {
      for (std::int64_t i = 0; i < n; ++i)
        sum += static_cast<Sum<T>>(loss.value(f + i * ld_, y + i * C_, C_));
    });
    return sum;
  }

  // delta = dL/df; with `keep` also what products with the loss's Hessian need.
  void gradient(const T* f, const T* y, std::int64_t n, T* delta, bool keep) {
    if constexpr (!std::is_same_v<T, long double>)
      if (by_blocks_) {
        if (keep) kept_.resize(static_cast<std::size_t>((C_ + 1) * rows_));
        return table().gradient({f, ld_, y, n, C_}, scale_, delta, ld_,
                                keep ? kept_.data() : nullptr, rows_, scratch_.data());
      }
    with_loss(net_, [&](auto loss) {
      const std::int64_t width = loss.kept(C_);
      if (keep) kept_.resize(static_cast<std::size_t>(rows_ * width));
      for (std::int64_t i = 0; i < n; ++i) {
        loss.gradient(f + i * ld_, y + i * C_, C_, delta + i * ld_);
        for (std::int64_t c = 0; c < C_; ++c) delta[i * ld_ + c] *= scale_;
        if (keep) loss.keep(f + i * ld_, y + i * C_, C_, kept_.data() + i * width);
      }
    });
  }

  // True if there are loops over vectors of samples.
  bool by_blocks() const { return by_blocks_; }

  // Both where the samples stand last: f and delta (C, n), rows of ld. Only by blocks.
  double value_and_gradient(const T* f, std::int64_t ld, const T* y, std::int64_t n, T* delta) {
    return table().value_and_gradient(f, ld, y, n, C_, scale_, delta, scratch_.data());
  }

  // Rdelta = (d2L/df2) Rf, where the gradient was taken; scratch has loss_room(C) numbers.
  void product(const T* Rf, std::int64_t n, T* Rdelta, T* scratch) const {
    if constexpr (!std::is_same_v<T, long double>)
      if (by_blocks_)
        return table().product(kept_.data(), rows_, n, C_, scale_, Rf, Rdelta, ld_, scratch);
    with_loss(net_, [&](auto loss) {
      const std::int64_t width = loss.kept(C_);
      for (std::int64_t i = 0; i < n; ++i) {
        loss.product(kept_.data() + i * width, C_, Rf + i * ld_, Rdelta + i * ld_);
        for (std::int64_t c = 0; c < C_; ++c) Rdelta[i * ld_ + c] *= scale_;
      }
    });
  }
  std::int64_t product_room() const { return by_blocks_ ? loss_room(C_) : 0; }

 private:
  static constexpr std::int64_t most_outputs = 256;  // their blocks stay in the cache
  static const CrossEntropyTable<T>& table() { return loss_kernels().template table<T>(); }

  const Architecture& net_;
  std::int64_t rows_, ld_, C_;
  T scale_;
  bool by_blocks_;
  std::vector<T> scratch_, kept_;
};

}  // namespace saddlescape::net
