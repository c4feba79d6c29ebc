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

  // Of the chunk's outputs f.
  Sum<T> value(const T* f, const Batch<T>& chunk) {
    if constexpr (!std::is_same_v<T, long double>)
      if (by_blocks_) return table().value(outputs(f, ld_, chunk), scratch_.data());
    Sum<T> sum = 0;
    with_loss(net_, [&](auto loss) {
      for (std::int64_t i = 0; i < chunk.N; ++i)
        sum += static_cast<Sum<T>>(loss.value(f + i * ld_, chunk.Y + i * C_, C_)) *
               static_cast<Sum<T>>(chunk.weight_of(i));
    });
    return sum;
  }

  // delta = dL/df; with `keep` also what products with the loss's Hessian need, for which the
  // chunk's weights must live on.
  void gradient(const T* f, const Batch<T>& chunk, T* delta, bool keep) {
    weight_ = chunk.weight;
    if constexpr (!std::is_same_v<T, long double>)
      if (by_blocks_) {
        if (keep) kept_.resize(static_cast<std::size_t>((C_ + 1) * rows_));
        return table().gradient(outputs(f, ld_, chunk), scale_, delta, ld_,
                                keep ? kept_.data() : nullptr, rows_, scratch_.data());
      }
    with_loss(net_, [&](auto loss) {
      const std::int64_t width = loss.kept(C_);
      if (keep) kept_.resize(static_cast<std::size_t>(rows_ * width));
      for (std::int64_t i = 0; i < chunk.N; ++i) {
        const T *from = f + i * ld_, *y = chunk.Y + i * C_, scale = scale_ * chunk.weight_of(i);
        loss.gradient(from, y, C_, delta + i * ld_);
        for (std::int64_t c = 0; c < C_; ++c) delta[i * ld_ + c] *= scale;
        if (keep) loss.keep(from, y, C_, kept_.data() + i * width);
      }
    });
  }

  // True if there are loops over vectors of samples.
  bool by_blocks() const { return by_blocks_; }

  // Both where the samples stand last: f and delta (C, n), rows of ld. Only by blocks.
  double value_and_gradient(const T* f, std::int64_t ld, const Batch<T>& chunk, T* delta) {
    return table().value_and_gradient(outputs(f, ld, chunk), scale_, delta, scratch_.data());
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
        const T scale = weight_ ? scale_ * weight_[i] : scale_;
        for (std::int64_t c = 0; c < C_; ++c) Rdelta[i * ld_ + c] *= scale;
      }
    });
  }
  // Of what it keeps.
  std::int64_t bytes() const {
    return static_cast<std::int64_t>((scratch_.size() + kept_.size()) * sizeof(T));
  }
  std::int64_t product_room() const { return by_blocks_ ? loss_room(C_) : 0; }

 private:
  static constexpr std::int64_t most_outputs = 256;  // their blocks stay in the cache
  Outputs<T> outputs(const T* f, std::int64_t ld, const Batch<T>& chunk) const {
    return {f, ld, chunk.Y, chunk.N, C_, chunk.weight};
  }
  static const CrossEntropyTable<T>& table() { return loss_kernels().template table<T>(); }

  const Architecture& net_;
  std::int64_t rows_, ld_, C_;
  T scale_;
  const T* weight_ = nullptr;  // of the chunk where the gradient was taken
  bool by_blocks_;
  std::vector<T> scratch_, kept_;
};

}  // namespace saddlescape::net
