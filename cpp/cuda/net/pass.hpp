// One chunk of samples through a network on the device: forward, backward, gradient. The equations
// are net/pass.hpp's, and where layers are more than an activation layered.hpp's.
//
// Matrices of hidden layers are (d_l, n), samples last, so that a bias's gradient is the sum of a
// row; those of the outputs are (n, C).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cuda/blas.hpp"
#include "cuda/net/cut.hpp"
#include "cuda/net/layered.hpp"
#include "net/mlp.hpp"

namespace saddlescape::cuda {

template <class T>
class DevicePass {
 public:
  // The network must live on.
  DevicePass(const net::Architecture& net, Keep keep, bool ordered, const LayerMode& mode = {})
      : net_(net), keep_(keep), ordered_(ordered), hidden_(layer_count()) {
    if (!net.plain(mode.mode)) layered_.emplace(net, keep, mode);
  }

  // Takes the room for chunks of up to `rows` samples.
  void arrange(Cut& cut, std::int64_t rows);

  // a_l, and what else is kept, of a chunk that begins with the batch's row `first`; with `outputs`
  // f goes there, (n, C), and there are no targets.
  void forward(const Blas& blas, const Stream& stream, const T* theta, const net::Batch<T>& chunk,
               std::int64_t first, T* outputs = nullptr);

  // The chunk's part of the mean loss over `total` samples, to or added to `value`; delta_L where
  // slopes are kept.
  void loss(const Stream& stream, std::int64_t total, double* value, bool add);

  // delta_l = dL/ds_l, l = L - 1 ... 1, and bend_l = dL/da_l phi''(s_l).
  void backward(const Blas& blas, const Stream& stream);

  // g (P,) becomes, or with `add` gains, the chunk's part.
  void gradient(const Blas& blas, const Stream& stream, T* g, bool add) const;

  const net::Architecture& net() const { return net_; }
  std::int64_t n() const { return chunk_.N; }
  std::int64_t d(std::int64_t l) const { return net_.sizes[l]; }
  const net::Batch<T>& chunk() const { return chunk_; }
  const T* W(std::int64_t l) const { return theta_ + net_.weight_offset(l); }
  // Of a vector like theta; null where there are no biases.
  const T* bias(const T* from, std::int64_t l) const {
    return net_.bias ? from + net_.bias_offset(l) : nullptr;
  }
  // a_{l-1} (d_{l-1}, n) and delta_l (d_l, n).
  Operand<T> input(std::int64_t l) const {
    if (l == 1) return {chunk_.X, Op::transpose, d(0)};
    return {hidden_[l - 1].a, Op::none, n()};
  }
  Operand<T> delta(std::int64_t l) const {
    if (l == net_.layers()) return {delta_, Op::transpose, d(l)};
    return {hidden_[l].delta, Op::none, n()};
  }
  const T* slope(std::int64_t l) const { return hidden_[l].slope; }
  const T* bend(std::int64_t l) const { return hidden_[l].bend; }
  const T* kept() const { return kept_; }
  // Null where layers are no more than an activation.
  const LayeredSteps<T>* layered() const { return layered_ ? &*layered_ : nullptr; }
  // 1 / N or 1 / (N C), for a mean over so many samples.
  T scale(std::int64_t total) const;

 private:
  std::size_t layer_count() const { return static_cast<std::size_t>(net_.layers() + 1); }
  void take(const Stream& stream, const net::Batch<T>& chunk);

  const net::Architecture& net_;
  Keep keep_;
  bool ordered_;
  const T* theta_ = nullptr;
  net::Batch<T> chunk_{};
  std::vector<HiddenLayer<T>> hidden_;
  std::optional<LayeredSteps<T>> layered_;
  T *X_ = nullptr, *Y_ = nullptr, *weight_ = nullptr;  // of a batch with an order
  T *f_ = nullptr, *delta_ = nullptr, *kept_ = nullptr;
  double* losses_ = nullptr;
};

}  // namespace saddlescape::cuda
