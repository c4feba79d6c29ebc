// A multilayer perceptron on flat parameters: outputs, loss, gradient, exact Hessian products.
//
//   a_0 = x,  s_l = W_l a_{l-1} + b_l,  a_l = phi(s_l) for l < L,  f = s_L,
//   L(theta) = mean over the samples of loss(f, y).
//
// theta holds layer by layer W_l (d_l, d_{l-1}) row-major, then b_l (d_l,). X is (N, d_0), targets
// Y are (N, d_L), row-major. Samples go through in chunks, so that memory does not grow with N; how
// they are cut and in which order chunks are added depends on N alone, so that the bits do not
// depend on the number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "net/activation.hpp"
#include "net/loss.hpp"

namespace saddlescape::net {

struct Architecture {
  std::vector<std::int64_t> sizes;  // d_0 ... d_L
  Activation activation = Activation::tanh;
  Loss loss = Loss::cross_entropy;
  bool bias = true;

  std::int64_t layers() const { return static_cast<std::int64_t>(sizes.size()) - 1; }
  std::int64_t inputs() const { return sizes.front(); }
  std::int64_t outputs() const { return sizes.back(); }
  std::int64_t parameters() const { return weight_offset(layers() + 1); }

  // Where W_l starts in theta (l from 1), and where b_l does.
  std::int64_t weight_offset(std::int64_t l) const;
  std::int64_t bias_offset(std::int64_t l) const {
    return weight_offset(l) + sizes[l] * sizes[l - 1];
  }
};

template <class T>
struct Batch {
  const T* X;
  const T* Y;
  std::int64_t N;
};

// out (N, C): the outputs f, before any softmax or sigmoid.
template <class T>
void predict(const Architecture& net, const T* theta, const T* X, std::int64_t N, T* out);

template <class T>
double loss(const Architecture& net, const T* theta, const Batch<T>& batch);

// g (P,); returns the loss.
template <class T>
double gradient(const Architecture& net, const T* theta, const Batch<T>& batch, T* g);

// V and HV are k vectors (k, P), each contiguous: HV_j = H V_j by Pearlmutter's R-operator, with
// one forward and one backward pass for all k. A vector's product has the same bits alone and among
// others.
template <class T>
void hessian_product(const Architecture& net, const T* theta, const Batch<T>& batch, const T* V,
                     std::int64_t k, T* HV);

// The same product for one vector, computed in extended precision (long double, 64 significant bits
// on x86-64) from the same float64 numbers and rounded at the end: what a float64 product is off
// by.
void hessian_product_extended(const Architecture& net, const double* theta,
                              const Batch<double>& batch, const double* v, double* Hv);

}  // namespace saddlescape::net
