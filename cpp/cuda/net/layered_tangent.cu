// Launches of the tangents of layers that normalise.
#include "cuda/launch.hpp"
#include "cuda/net/layered_tangent_kernels.hpp"
#include "cuda/net/layered_tangent_launches.hpp"

namespace saddlescape::cuda {

template <class T>
void add_biases(const Stream& stream, T* Rs, const T* bias, std::int64_t step, std::int64_t d,
                std::int64_t k, std::int64_t n) {
  launch("the biases' tangent", stream, row_blocks(d * k, n), AddBiases<T>{Rs, bias, step, k, n});
}

template <class T>
void tangent_sample_means(const Stream& stream, const NormalisedLayer<T>& layer, const T* Rs,
                          std::int64_t k, T* q1, T* q2) {
  launch("the forward means of samples", stream, sample_blocks(k * layer.n),
         TangentSampleMeans<T>{layer, Rs, k, q1, q2});
}

template <class T>
void tangent_batch_means(const Stream& stream, const NormalisedLayer<T>& layer,
                         const TangentLayer<T>& tangent, T* q1, T* q2) {
  launch("the batch's forward means", stream, parts_of(layer.d * tangent.k),
         TangentBatchMeans<T>{layer, tangent, q1, q2});
}

template <class T>
void tangent_normalise(const Stream& stream, const NormalisedLayer<T>& layer,
                       const TangentLayer<T>& tangent, T* Rs, T* Rxhat) {
  launch("the normalisation's tangent", stream, row_blocks(layer.d * tangent.k, layer.n),
         TangentNormalise<T>{layer, tangent, Rs, Rxhat});
}

template <class T>
void back_sample_means(const Stream& stream, const NormalisedLayer<T>& layer,
                       const TangentLayer<T>& tangent, const T* Rdu, T* Rm1, T* Rm2) {
  launch("the backward means of samples", stream, sample_blocks(tangent.k * layer.n),
         BackSampleMeans<T>{layer, tangent, Rdu, Rm1, Rm2});
}

template <class T>
void back_batch_means(const Stream& stream, const NormalisedLayer<T>& layer,
                      const TangentLayer<T>& tangent, T* Rm1, T* Rm2) {
  launch("the batch's backward means", stream, parts_of(layer.d * tangent.k),
         BackBatchMeans<T>{layer, tangent, Rm1, Rm2});
}

template <class T>
void tangent_unnormalise(const Stream& stream, const NormalisedLayer<T>& layer,
                         const TangentLayer<T>& tangent, T* Rdu) {
  launch("the normalisation's backward tangent", stream, row_blocks(layer.d * tangent.k, layer.n),
         TangentUnnormalise<T>{layer, tangent, Rdu});
}

#define SADDLESCAPE_INSTANTIATE(T)                                                                 \
  template void add_biases(const Stream&, T*, const T*, std::int64_t, std::int64_t, std::int64_t,  \
                           std::int64_t);                                                          \
  template void tangent_sample_means(const Stream&, const NormalisedLayer<T>&, const T*,           \
                                     std::int64_t, T*, T*);                                        \
  template void tangent_batch_means(const Stream&, const NormalisedLayer<T>&,                      \
                                    const TangentLayer<T>&, T*, T*);                               \
  template void tangent_normalise(const Stream&, const NormalisedLayer<T>&,                        \
                                  const TangentLayer<T>&, T*, T*);                                 \
  template void back_sample_means(const Stream&, const NormalisedLayer<T>&,                        \
                                  const TangentLayer<T>&, const T*, T*, T*);                       \
  template void back_batch_means(const Stream&, const NormalisedLayer<T>&, const TangentLayer<T>&, \
                                 T*, T*);                                                          \
  template void tangent_unnormalise(const Stream&, const NormalisedLayer<T>&,                      \
                                    const TangentLayer<T>&, T*);
SADDLESCAPE_INSTANTIATE(float)
SADDLESCAPE_INSTANTIATE(double)
#undef SADDLESCAPE_INSTANTIATE

}  // namespace saddlescape::cuda
