// Launches of the network's kernels (kernels.hpp), for code that nvcc does not compile. T: float or
// double.
#pragma once

#include <cstdint>

#include "cuda/device.hpp"
#include "net/mlp.hpp"

namespace saddlescape::cuda {

template <class T>
void gather(const Stream& stream, const T* from, const std::int64_t* order, T* to, std::int64_t n,
            std::int64_t d);
template <class T>
void transpose(const Stream& stream, const T* from, T* to, std::int64_t rows, std::int64_t columns);
template <class T>
void fill(const Stream& stream, T* to, T value, std::int64_t n);
template <class T>
void add_bias(const Stream& stream, T* f, const T* bias, std::int64_t n, std::int64_t C);

// a (d, n) in place; bias, slope and curvature may be null.
template <class T>
void activate(const Stream& stream, net::Activation activation, T* a, const T* bias, T* slope,
              T* curvature, std::int64_t d, std::int64_t n);

// The loss of `chunk`, one of a batch over which the mean is; bias, delta and kept may be null.
template <class T>
void loss_of(const Stream& stream, const net::Architecture& net, const net::Batch<T>& chunk,
             T scale, T* f, const T* bias, double* losses, T* delta, T* kept);
void mean_loss(const Stream& stream, const double* losses, std::int64_t n, double terms,
               double* value, bool add);
// Numbers of `kept` for each sample.
std::int64_t kept_numbers(const net::Architecture& net);

// delta = back phi', `delta` may be `back`, and bend = back phi'' where it is not null.
template <class T>
void chain(const Stream& stream, const T* back, const T* slope, T* bend, T* delta, std::int64_t n);

// Sums over the samples of (units, vectors, n): of a hidden layer, or with `last` of the outputs.
template <class T>
void row_sums(const Stream& stream, const T* rows, bool last, std::int64_t units,
              std::int64_t vectors, std::int64_t n, T* out, std::int64_t step, bool add);

template <class T>
void tangent_forward(const Stream& stream, T* Rs, const T* bias, std::int64_t step, const T* slope,
                     T* Ra, std::int64_t d, std::int64_t k, std::int64_t n);
// Rdelta = Rback phi' + bend Rs, `Rdelta` may be `Rback`; bend may be null.
template <class T>
void tangent_backward(const Stream& stream, const T* Rback, const T* slope, const T* bend,
                      const T* Rs, T* Rdelta, std::int64_t d, std::int64_t k, std::int64_t n);
template <class T>
void loss_product(const Stream& stream, const net::Architecture& net, const net::Batch<T>& chunk,
                  T scale, const T* kept, T* Rf, const T* bias, std::int64_t step, T* Rdelta,
                  std::int64_t k);

}  // namespace saddlescape::cuda
