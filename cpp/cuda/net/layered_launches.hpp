// Launches of the kernels for hidden layers that normalise, drop units out or are skipped
// (layered_kernels.hpp). T: float or double.
#pragma once

#include <cstdint>

#include "cuda/device.hpp"
#include "cuda/net/layer.hpp"
#include "net/dropout.hpp"

namespace saddlescape::cuda {

// mask / (1 - rate) of a chunk that begins with the batch's row `first`, or ones.
template <class T>
struct Mask {
  net::Dropout dropout;
  T kept;
  std::int64_t first, d;
  bool used;

  SADDLESCAPE_HOST_DEVICE T factor(std::int64_t unit, std::int64_t i) const {
    if (!used) return T(1);
    return dropout.keeps((first + i) * d + unit) ? kept : T(0);
  }
};

// One number of a layer's input by its unit and sample; data may be null: there is none.
template <class T>
struct Skip {
  const T* data;
  std::int64_t unit, sample;
};

// A normalised layer of a pass. Statistics are a sample's, or else a unit's; m1 = <dxhat> and
// m2 = <dxhat xhat> are null where they are given ones.
template <class T>
struct NormalisedLayer {
  bool by_sample;
  std::int64_t d, n;
  const T *gamma, *inverse, *xhat, *du, *ds, *m1, *m2;
  const double* sums;  // (2, d): of du and du xhat over the samples

  SADDLESCAPE_HOST_DEVICE std::int64_t group(std::int64_t unit, std::int64_t i) const {
    return by_sample ? i : unit;
  }
  SADDLESCAPE_HOST_DEVICE const T* beta() const { return gamma + d; }
};

// mean and inverse = 1 / sqrt(var + eps) of s + bias (d, n), bias may be null: of each sample, or
// of each unit, those as float64 too.
template <class T>
void sample_moments(const Stream& stream, const T* s, const T* bias, std::int64_t d, std::int64_t n,
                    T* mean, T* inverse);
template <class T>
void unit_moments(const Stream& stream, const T* s, const T* bias, std::int64_t d, std::int64_t n,
                  double* means, double* variances, T* mean, T* inverse);
// The same from given ones of each unit.
template <class T>
void given_moments(const Stream& stream, const double* means, const double* variances,
                   std::int64_t d, T* mean, T* inverse);

// s becomes xhat of s + bias, u = gamma xhat + beta.
template <class T>
void normalise(const Stream& stream, const NormalisedLayer<T>& layer, const T* mean, T* s,
               const T* bias, T* u);

// Values, and slopes and bends where they are not null, by the mask; then values += skip.
template <class T>
void finish(const Stream& stream, const Mask<T>& mask, T* values, T* slope, T* bend,
            const Skip<T>& skip, std::int64_t d, std::int64_t n);

// to = from mask + skip of (d, k, n), skip may be null, `to` may be `from`.
template <class T>
void masked(const Stream& stream, const Mask<T>& mask, const T* from, const T* skip, T* to,
            std::int64_t d, std::int64_t k, std::int64_t n);

// sums (2, d k): of x (d, k, n) over the samples, and of x y + z w; y and z are (d, n), w (d, k,
// n), z may be null.
template <class T>
void unit_pairs(const Stream& stream, const T* x, const T* y, const T* z, const T* w,
                std::int64_t d, std::int64_t k, std::int64_t n, double* sums);

// Each vector's sums into vectors like theta, that of x to `shift`, the other to `scale`.
template <class T>
void write_pairs(const Stream& stream, const double* sums, std::int64_t d, std::int64_t k, T* shift,
                 T* scale, std::int64_t step, bool add);

// <dxhat> and <dxhat xhat> of each sample, or of each unit over a batch of n from its sums.
template <class T>
void sample_means(const Stream& stream, const NormalisedLayer<T>& layer, T* m1, T* m2);
template <class T>
void batch_means(const Stream& stream, const NormalisedLayer<T>& layer, T* m1, T* m2);

// ds from du; it may be in its place.
template <class T>
void unnormalise(const Stream& stream, const NormalisedLayer<T>& layer, T* ds);

}  // namespace saddlescape::cuda
