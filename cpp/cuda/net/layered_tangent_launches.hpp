// Launches of the kernels for the tangents of layers that normalise (layered_tangent_kernels.hpp).
// T: float or double.
#pragma once

#include <cstdint>

#include "cuda/net/layered_launches.hpp"

namespace saddlescape::cuda {

// Tangents along k vectors, (d, k, n). V: R{gamma}, with R{beta} behind it, of the first vector,
// the next one's `step` behind; means are a vector's and sample's (k, n), or a unit's and vector's
// (d, k), null where statistics are given.
template <class T>
struct TangentLayer {
  std::int64_t k;
  const T* V;
  std::int64_t step;
  const T *Rxhat, *q1, *q2, *Rm1, *Rm2;
  const double* sums;  // (2, d k), of what is normalised or handed back, over the samples
  bool bends;          // not the Gauss-Newton part alone
};

// Rs += v_b
template <class T>
void add_biases(const Stream& stream, T* Rs, const T* bias, std::int64_t step, std::int64_t d,
                std::int64_t k, std::int64_t n);
// q1 = <Rs> and q2 = <xhat Rs> of each sample, or of each unit from its sums.
template <class T>
void tangent_sample_means(const Stream& stream, const NormalisedLayer<T>& layer, const T* Rs,
                          std::int64_t k, T* q1, T* q2);
template <class T>
void tangent_batch_means(const Stream& stream, const NormalisedLayer<T>& layer,
                         const TangentLayer<T>& tangent, T* q1, T* q2);
// Rs becomes Ru.
template <class T>
void tangent_normalise(const Stream& stream, const NormalisedLayer<T>& layer,
                       const TangentLayer<T>& tangent, T* Rs, T* Rxhat);

// Rm1 = <Rdxhat>, Rm2 = <Rdxhat xhat + dxhat Rxhat>
template <class T>
void back_sample_means(const Stream& stream, const NormalisedLayer<T>& layer,
                       const TangentLayer<T>& tangent, const T* Rdu, T* Rm1, T* Rm2);
template <class T>
void back_batch_means(const Stream& stream, const NormalisedLayer<T>& layer,
                      const TangentLayer<T>& tangent, T* Rm1, T* Rm2);
// Rds in Rdu's place.
template <class T>
void tangent_unnormalise(const Stream& stream, const NormalisedLayer<T>& layer,
                         const TangentLayer<T>& tangent, T* Rdu);

}  // namespace saddlescape::cuda
