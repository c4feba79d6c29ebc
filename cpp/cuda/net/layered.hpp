// What hidden layers of a chunk do between the products where they are more than an activation:
// the equations and the phases of net/layered_pass.hpp, on matrices (d, n).
//
// Where batch normalisation in training couples the samples, the chunk is the whole batch.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/net/cut.hpp"
#include "cuda/net/layer.hpp"
#include "cuda/net/layered_launches.hpp"
#include "net/mlp.hpp"

namespace saddlescape::cuda {

template <class T>
class LayeredSteps {
 public:
  // The network must live on, and the moments.
  LayeredSteps(const net::Architecture& net, Keep keep, const LayerMode& mode)
      : net_(net), keep_(keep), mode_(mode), layers_(static_cast<std::size_t>(net.layers() + 1)) {}

  // What layer l needs besides what `own` holds, for chunks of up to `rows` samples; then, for all
  // layers, dL/da.
  void arrange(Cut& cut, std::int64_t rows, std::int64_t l, const HiddenLayer<T>& own);
  void arrange_back(Cut& cut, std::int64_t rows) { back_ = cut.take<T>(rows * widest()); }

  // A chunk of n samples whose first is the batch's row `first`.
  void begin(const T* theta, std::int64_t first, std::int64_t n) {
    theta_ = theta, first_ = first, n_ = n;
  }

  // Where W_l a_{l-1} goes.
  T* linear(std::int64_t l, const HiddenLayer<T>& own) const {
    return net_.normalised(l) ? layers_[l].xhat : own.a;
  }
  // a_l; `input` is a_{l-1}.
  void forward(const Stream& stream, std::int64_t l, const HiddenLayer<T>& own,
               const Operand<T>& input) const;

  // dL/da_l: W_{l+1}^T delta_{l+1} is added to what it holds where layer l + 1 is skipped.
  T* back() const { return back_; }
  // delta_l and what it takes, from dL/da_l.
  void backward(const Stream& stream, std::int64_t l, const HiddenLayer<T>& own) const;

  // dL/dgamma_l and dL/dbeta_l into a vector like theta.
  void gradient(const Stream& stream, std::int64_t l, T* g, bool add) const;

  bool coupled(std::int64_t l) const { return net_.normalised(l) && net_.coupled(mode_.mode); }
  bool by_sample() const { return net_.normalisation == net::Normalisation::layer; }
  Mask<T> mask(std::int64_t l) const;
  NormalisedLayer<T> normalised(std::int64_t l) const;
  // Of hidden layers.
  std::int64_t widest() const;

 private:
  struct Layer {
    T *xhat, *du, *ds;
    T *mean, *inverse, *m1, *m2;
    double* sums;  // (2, d): of du and du xhat over the samples
  };
  void find_moments(const Stream& stream, std::int64_t l, const T* bias) const;
  void unnormalise_layer(const Stream& stream, std::int64_t l) const;
  std::int64_t d(std::int64_t l) const { return net_.sizes[l]; }

  const net::Architecture& net_;
  Keep keep_;
  LayerMode mode_;
  const T* theta_ = nullptr;
  std::int64_t first_ = 0, n_ = 0;
  std::vector<Layer> layers_;
  T* back_ = nullptr;
};

}  // namespace saddlescape::cuda
