// A multilayer perceptron on flat parameters: outputs, loss, gradient, exact Hessian products.
//
//   a_0 = x,  s_l = W_l a_{l-1} + b_l,  a_l = phi(s_l) for l < L,  f = s_L,
//   L(theta) = mean over the samples of w loss(f, y), w a sample's weight, 1 without.
//
// With more in a hidden layer (normalisation, dropout, residual connections) see layered.hpp.
//
// theta holds layer by layer W_l (d_l, d_{l-1}) row-major, then b_l (d_l,), then gamma_l and beta_l
// (d_l,) of a normalised layer. X is (N, d_0), targets
// Y are (N, d_L), row-major. Samples go through in chunks, so that memory does not grow with N; how
// they are cut and in which order chunks are added depends on N alone, so that the bits do not
// depend on the number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "net/activation.hpp"
#include "net/loss.hpp"
#include "net/mode.hpp"

namespace saddlescape::net {

struct Architecture {
  std::vector<std::int64_t> sizes;  // d_0 ... d_L
  Activation activation = Activation::tanh;
  Loss loss = Loss::cross_entropy;
  bool bias = true;
  Normalisation normalisation = Normalisation::none;  // of hidden layers
  bool residual = false;         // a_l += a_{l-1} in hidden layers of equal widths, the inputs' too
  double dropout = 0;            // chance of a hidden unit to be left out in training
  double huber_delta = 1;        // where the loss of that name becomes linear
  bool normalise_after = false;  // phi(s) and not s is normalised

  std::int64_t layers() const { return static_cast<std::int64_t>(sizes.size()) - 1; }
  std::int64_t inputs() const { return sizes.front(); }
  std::int64_t outputs() const { return sizes.back(); }
  std::int64_t parameters() const { return weight_offset(layers() + 1); }

  // Where W_l starts in theta (l from 1), and where b_l does.
  std::int64_t weight_offset(std::int64_t l) const;
  std::int64_t bias_offset(std::int64_t l) const {
    return weight_offset(l) + sizes[l] * sizes[l - 1];
  }

  bool normalised(std::int64_t l) const {
    return normalisation != Normalisation::none && l < layers();
  }
  bool normalised_after(std::int64_t l) const { return normalise_after && normalised(l); }
  // Where gamma_l starts in theta, and where beta_l does.
  std::int64_t scale_offset(std::int64_t l) const { return bias_offset(l) + (bias ? sizes[l] : 0); }
  std::int64_t shift_offset(std::int64_t l) const { return scale_offset(l) + sizes[l]; }
  bool skips(std::int64_t l) const { return residual && l < layers() && sizes[l] == sizes[l - 1]; }
  std::int64_t hidden_units() const {
    std::int64_t units = 0;
    for (std::int64_t l = 1; l < layers(); ++l) units += sizes[l];
    return units;
  }

  // Whether a hidden layer is phi(a W^T + b) and no more.
  bool plain(const Mode& mode) const {
    return normalisation == Normalisation::none && !residual && !(mode.training && dropout > 0);
  }
  // In training as well as at test time.
  bool plain() const {
    Mode training;
    training.training = true;
    return plain(training);
  }
  // Whether a sample's output depends on the others.
  bool coupled(const Mode& mode) const {
    return normalisation == Normalisation::batch && mode.training && layers() > 1;
  }
};

template <class Visit>
void with_loss(const Architecture& net, Visit&& visit) {
  with_loss(net.loss, net.huber_delta, visit);
}

template <class T>
struct Batch {
  const T* X;
  const T* Y;
  std::int64_t N;
  // (N,), or null: each sample's loss counts so many times in the mean over N, not over sum w.
  const T* weight = nullptr;
  // Sample i is row order[i] of X, Y and weight, or row i. Only LossGradient and
  // train::BatchGradient take an order.
  const std::int64_t* order = nullptr;

  T weight_of(std::int64_t i) const { return weight ? weight[i] : T(1); }
};

// out (N, C): the outputs f, before any softmax or sigmoid.
template <class T>
void predict(const Architecture& net, const T* theta, const T* X, std::int64_t N, T* out,
             const Mode& mode = {});

template <class T>
double loss(const Architecture& net, const T* theta, const Batch<T>& batch, const Mode& mode = {});

// g (P,); returns the loss.
template <class T>
double gradient(const Architecture& net, const T* theta, const Batch<T>& batch, T* g,
                const Mode& mode = {});

// V and HV are k vectors (k, P), each contiguous: HV_j = H V_j by Pearlmutter's R-operator, with
// one forward and one backward pass for all k. A vector's product has the same bits alone and among
// others.
template <class T>
void hessian_product(const Architecture& net, const T* theta, const Batch<T>& batch, const T* V,
                     std::int64_t k, T* HV, const Mode& mode = {});

// The same product for one vector, computed in extended precision (long double, 64 significant bits
// on x86-64) from the same float64 numbers and rounded at the end: what a float64 product is off
// by.
void hessian_product_extended(const Architecture& net, const double* theta,
                              const Batch<double>& batch, const double* v, double* Hv,
                              const Mode& mode = {});

}  // namespace saddlescape::net
