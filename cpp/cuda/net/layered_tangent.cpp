#include "cuda/net/layered_tangent.hpp"

#include <algorithm>

#include "cuda/net/launches.hpp"

namespace saddlescape::cuda {

template <class T>
void LayeredTangentSteps<T>::arrange(Cut& cut, std::int64_t rows, std::int64_t vectors) {
  std::int64_t widest = 0;
  for (std::int64_t l = 1; l < net_.layers(); ++l) {
    const std::int64_t d = net_.sizes[l];
    widest = std::max(widest, d);
    if (!net_.normalised(l)) continue;
    Layer& at = layers_[l];
    const bool by_sample = net_.normalisation == net::Normalisation::layer;
    const std::int64_t means = (by_sample ? rows : d) * vectors;
    at.Rxhat = cut.take<T>(d * vectors * rows);
    for (T** each : {&at.q1, &at.q2, &at.Rm1, &at.Rm2}) *each = cut.take<T>(means);
    at.sums = cut.take<double>(2 * d * vectors);
  }
  back_ = cut.take<T>(widest * vectors * rows);
}

// Means are there where the layer's own are.
template <class T>
TangentLayer<T> LayeredTangentSteps<T>::tangent(const NormalisedLayer<T>& layer, std::int64_t l,
                                                const T* V, std::int64_t k) const {
  const Layer& at = layers_[l];
  const bool found = layer.m1;
  return {k,
          V + net_.scale_offset(l),
          net_.parameters(),
          at.Rxhat,
          found ? at.q1 : nullptr,
          found ? at.q2 : nullptr,
          found ? at.Rm1 : nullptr,
          found ? at.Rm2 : nullptr,
          at.sums,
          bends()};
}

// R becomes R{u}.
template <class T>
void LayeredTangentSteps<T>::normalise_rows(const Stream& stream, const DevicePass<T>& pass,
                                            std::int64_t l, T* R, const T* V,
                                            std::int64_t k) const {
  const Layer& at = layers_[l];
  const NormalisedLayer<T> layer = pass.layered()->normalised(l);
  const TangentLayer<T> tangent = this->tangent(layer, l, V, k);
  if (layer.by_sample) {
    tangent_sample_means(stream, layer, R, k, at.q1, at.q2);
  } else if (pass.layered()->coupled(l)) {
    unit_pairs<T>(stream, R, layer.xhat, nullptr, nullptr, layer.d, k, layer.n, at.sums);
    tangent_batch_means(stream, layer, tangent, at.q1, at.q2);
  }
  tangent_normalise(stream, layer, tangent, R, at.Rxhat);
}

template <class T>
void LayeredTangentSteps<T>::forward(const Stream& stream, const DevicePass<T>& pass,
                                     std::int64_t l, const TangentRows<T>& own, const T* below,
                                     const T* V, std::int64_t k) const {
  const std::int64_t d = pass.d(l), n = pass.n(), P = net_.parameters();
  const bool after = net_.normalised_after(l);
  const T* bias = pass.bias(V, l);
  if (net_.normalised(l) && !after) {
    if (net_.bias) add_biases(stream, own.Rs, bias, P, d, k, n);
    bias = nullptr;
    normalise_rows(stream, pass, l, own.Rs, V, k);
  }
  tangent_forward(stream, own.Rs, bias, P, pass.slope(l), own.Ra, d, k, n);
  if (after) normalise_rows(stream, pass, l, own.Ra, V, k);
  Mask<T> mask = pass.layered()->mask(l);
  mask.used = mask.used && after;  // else the slopes hold it
  const T* const skip = net_.skips(l) ? below : nullptr;
  if (mask.used || skip) masked(stream, mask, own.Ra, skip, own.Ra, d, k, n);
}

// R{du} becomes R{ds}.
template <class T>
void LayeredTangentSteps<T>::unnormalise_rows(const Stream& stream, const DevicePass<T>& pass,
                                              std::int64_t l, T* Rdu, const T* V,
                                              std::int64_t k) const {
  const Layer& at = layers_[l];
  const NormalisedLayer<T> layer = pass.layered()->normalised(l);
  const TangentLayer<T> tangent = this->tangent(layer, l, V, k);
  unit_pairs<T>(stream, Rdu, layer.xhat, bends() ? layer.du : nullptr, at.Rxhat, layer.d, k,
                layer.n, at.sums);
  if (layer.by_sample)
    back_sample_means(stream, layer, tangent, Rdu, at.Rm1, at.Rm2);
  else if (pass.layered()->coupled(l))
    back_batch_means(stream, layer, tangent, at.Rm1, at.Rm2);
  tangent_unnormalise(stream, layer, tangent, Rdu);
}

// R{du} = R{dL/da} phi'(u) + dL/da phi''(u) R{u}, and R{dL/ds} so from R{dL/dphi} where layers are
// normalised after phi.
template <class T>
void LayeredTangentSteps<T>::backward(const Stream& stream, const DevicePass<T>& pass,
                                      std::int64_t l, const TangentRows<T>& own, const T* V,
                                      std::int64_t k) const {
  const std::int64_t d = pass.d(l), n = pass.n();
  const T *slope = pass.slope(l), *bend = bends() ? pass.bend(l) : nullptr;
  const bool after = net_.normalised_after(l);
  if (after)
    masked<T>(stream, pass.layered()->mask(l), back_, nullptr, own.Rdelta, d, k, n);
  else
    tangent_backward<T>(stream, back_, slope, bend, own.Rs, own.Rdelta, d, k, n);
  if (net_.normalised(l)) unnormalise_rows(stream, pass, l, own.Rdelta, V, k);
  if (after) tangent_backward<T>(stream, own.Rdelta, slope, bend, own.Rs, own.Rdelta, d, k, n);
}

template <class T>
void LayeredTangentSteps<T>::write(const Stream& stream, std::int64_t l, std::int64_t k, T* HV,
                                   bool add) const {
  if (net_.normalised(l))
    write_pairs(stream, layers_[l].sums, net_.sizes[l], k, HV + net_.shift_offset(l),
                HV + net_.scale_offset(l), net_.parameters(), add);
}

template class LayeredTangentSteps<float>;
template class LayeredTangentSteps<double>;

}  // namespace saddlescape::cuda
