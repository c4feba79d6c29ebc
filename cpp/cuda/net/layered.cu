// Launches of a pass through layers that are more than an activation.
#include "cuda/launch.hpp"
#include "cuda/net/layered_kernels.hpp"
#include "cuda/net/layered_launches.hpp"

namespace saddlescape::cuda {

template <class T>
void sample_moments(const Stream& stream, const T* s, const T* bias, std::int64_t d, std::int64_t n,
                    T* mean, T* inverse) {
  launch("the moments of samples", stream, sample_blocks(n),
         Moments<T, true>{s, bias, d, n, nullptr, nullptr, mean, inverse});
}

template <class T>
void unit_moments(const Stream& stream, const T* s, const T* bias, std::int64_t d, std::int64_t n,
                  double* means, double* variances, T* mean, T* inverse) {
  launch("the batch's moments", stream, d,
         Moments<T, false>{s, bias, d, n, means, variances, mean, inverse});
}

template <class T>
void given_moments(const Stream& stream, const double* means, const double* variances,
                   std::int64_t d, T* mean, T* inverse) {
  launch("the running averages", stream, parts_of(d),
         GivenMoments<T>{means, variances, d, mean, inverse});
}

template <class T>
void normalise(const Stream& stream, const NormalisedLayer<T>& layer, const T* mean, T* s,
               const T* bias, T* u) {
  launch("the normalisation", stream, row_blocks(layer.d, layer.n),
         Normalise<T>{layer, mean, s, bias, u});
}

template <class T>
void finish(const Stream& stream, const Mask<T>& mask, T* values, T* slope, T* bend,
            const Skip<T>& skip, std::int64_t d, std::int64_t n) {
  launch("dropout and residuals", stream, row_blocks(d, n),
         Finish<T>{mask, values, slope, bend, skip, n});
}

template <class T>
void masked(const Stream& stream, const Mask<T>& mask, const T* from, const T* skip, T* to,
            std::int64_t d, std::int64_t k, std::int64_t n) {
  launch("the mask", stream, row_blocks(d * k, n), Masked<T>{mask, from, skip, to, k, n});
}

template <class T>
void unit_pairs(const Stream& stream, const T* x, const T* y, const T* z, const T* w,
                std::int64_t d, std::int64_t k, std::int64_t n, double* sums) {
  launch("the sums of units", stream, d * k, UnitPairs<T>{x, y, z, w, d * k, k, n, sums});
}

template <class T>
void write_pairs(const Stream& stream, const double* sums, std::int64_t d, std::int64_t k, T* shift,
                 T* scale, std::int64_t step, bool add) {
  launch("the normalisation's gradient", stream, parts_of(d * k),
         WritePairs<T>{sums, d * k, k, shift, scale, step, add});
}

template <class T>
void sample_means(const Stream& stream, const NormalisedLayer<T>& layer, T* m1, T* m2) {
  launch("the means of samples", stream, sample_blocks(layer.n), SampleMeans<T>{layer, m1, m2});
}

template <class T>
void batch_means(const Stream& stream, const NormalisedLayer<T>& layer, T* m1, T* m2) {
  launch("the batch's means", stream, parts_of(layer.d), BatchMeans<T>{layer, m1, m2});
}

template <class T>
void unnormalise(const Stream& stream, const NormalisedLayer<T>& layer, T* ds) {
  launch("the normalisation's backward pass", stream, row_blocks(layer.d, layer.n),
         Unnormalise<T>{layer, ds});
}

#define SADDLESCAPE_INSTANTIATE(T)                                                                \
  template void sample_moments(const Stream&, const T*, const T*, std::int64_t, std::int64_t, T*, \
                               T*);                                                               \
  template void unit_moments(const Stream&, const T*, const T*, std::int64_t, std::int64_t,       \
                             double*, double*, T*, T*);                                           \
  template void given_moments(const Stream&, const double*, const double*, std::int64_t, T*, T*); \
  template void normalise(const Stream&, const NormalisedLayer<T>&, const T*, T*, const T*, T*);  \
  template void finish(const Stream&, const Mask<T>&, T*, T*, T*, const Skip<T>&, std::int64_t,   \
                       std::int64_t);                                                             \
  template void masked(const Stream&, const Mask<T>&, const T*, const T*, T*, std::int64_t,       \
                       std::int64_t, std::int64_t);                                               \
  template void unit_pairs(const Stream&, const T*, const T*, const T*, const T*, std::int64_t,   \
                           std::int64_t, std::int64_t, double*);                                  \
  template void write_pairs(const Stream&, const double*, std::int64_t, std::int64_t, T*, T*,     \
                            std::int64_t, bool);                                                  \
  template void sample_means(const Stream&, const NormalisedLayer<T>&, T*, T*);                   \
  template void batch_means(const Stream&, const NormalisedLayer<T>&, T*, T*);                    \
  template void unnormalise(const Stream&, const NormalisedLayer<T>&, T*);
SADDLESCAPE_INSTANTIATE(float)
SADDLESCAPE_INSTANTIATE(double)
#undef SADDLESCAPE_INSTANTIATE

}  // namespace saddlescape::cuda
