#include "cuda/net/layered.hpp"

#include <algorithm>

#include "cuda/net/launches.hpp"

namespace saddlescape::cuda {

// What only a product's tangents look at again stands in the place of what comes of it.
template <class T>
void LayeredSteps<T>::arrange(Cut& cut, std::int64_t rows, std::int64_t l,
                              const HiddenLayer<T>& own) {
  Layer& at = layers_[l];
  at = {nullptr, own.delta, own.delta, nullptr, nullptr, nullptr, nullptr, nullptr};
  if (!net_.normalised(l)) return;
  const std::int64_t groups = by_sample() ? rows : d(l), size = rows * d(l);
  at.xhat = cut.take<T>(size);
  at.mean = cut.take<T>(groups);
  at.inverse = cut.take<T>(groups);
  if (keep_ < Keep::slopes) return;
  at.m1 = cut.take<T>(groups);
  at.m2 = cut.take<T>(groups);
  at.sums = cut.take<double>(2 * d(l));
  if (keep_ < Keep::curvatures) return;
  at.du = cut.take<T>(size);
  if (net_.normalised_after(l)) at.ds = cut.take<T>(size);
}

template <class T>
Mask<T> LayeredSteps<T>::mask(std::int64_t l) const {
  const double rate = net_.dropout;
  return {net::Dropout(mode_.mode, rate, l), T(1) / (T(1) - static_cast<T>(rate)), first_, d(l),
          mode_.mode.training && rate > 0};
}

template <class T>
NormalisedLayer<T> LayeredSteps<T>::normalised(std::int64_t l) const {
  const Layer& at = layers_[l];
  const bool found = by_sample() || coupled(l);
  return {by_sample(), d(l),  n_,    theta_ + net_.scale_offset(l), at.inverse,
          at.xhat,     at.du, at.ds, found ? at.m1 : nullptr,       found ? at.m2 : nullptr,
          at.sums};
}

template <class T>
std::int64_t LayeredSteps<T>::widest() const {
  std::int64_t widest = 0;
  for (std::int64_t l = 1; l < net_.layers(); ++l) widest = std::max(widest, d(l));
  return widest;
}

template <class T>
void LayeredSteps<T>::find_moments(const Stream& stream, std::int64_t l, const T* bias) const {
  const Layer& at = layers_[l];
  if (by_sample()) return sample_moments(stream, at.xhat, bias, d(l), n_, at.mean, at.inverse);
  double* means = mode_.moments;
  for (std::int64_t i = 1; i < l; ++i) means += d(i);
  double* const variances = means + net_.hidden_units();
  if (coupled(l))
    unit_moments(stream, at.xhat, bias, d(l), n_, means, variances, at.mean, at.inverse);
  else
    given_moments(stream, means, variances, d(l), at.mean, at.inverse);
}

template <class T>
void LayeredSteps<T>::forward(const Stream& stream, std::int64_t l, const HiddenLayer<T>& own,
                              const Operand<T>& input) const {
  const T* bias = net_.bias ? theta_ + net_.bias_offset(l) : nullptr;
  const bool after = net_.normalised_after(l);
  if (after) {
    activate(stream, net_.activation, layers_[l].xhat, bias, own.slope, own.bend, d(l), n_);
    bias = nullptr;
  }
  if (net_.normalised(l)) {
    find_moments(stream, l, bias);
    normalise(stream, normalised(l), layers_[l].mean, layers_[l].xhat, bias, own.a);
    bias = nullptr;
  }
  if (!after) activate(stream, net_.activation, own.a, bias, own.slope, own.bend, d(l), n_);
  Skip<T> skip{nullptr, input.ld, 1};
  if (input.op == Op::transpose) skip = {nullptr, 1, input.ld};
  if (net_.skips(l)) skip.data = input.data;
  const Mask<T> mask = this->mask(l);
  if (mask.used || skip.data)
    finish(stream, mask, own.a, after ? nullptr : own.slope, after ? nullptr : own.bend, skip, d(l),
           n_);
}

// ds, what is handed down through the normalisation.
template <class T>
void LayeredSteps<T>::unnormalise_layer(const Stream& stream, std::int64_t l) const {
  const Layer& at = layers_[l];
  const NormalisedLayer<T> layer = normalised(l);
  unit_pairs<T>(stream, at.du, at.xhat, nullptr, nullptr, d(l), 1, n_, at.sums);
  if (by_sample())
    sample_means(stream, layer, at.m1, at.m2);
  else if (coupled(l))
    batch_means(stream, layer, at.m1, at.m2);
  unnormalise(stream, layer, at.ds);
}

// du = dL/da phi'(u) mask / (1 - rate), or normalised after phi without the slope.
template <class T>
void LayeredSteps<T>::backward(const Stream& stream, std::int64_t l,
                               const HiddenLayer<T>& own) const {
  const Layer& at = layers_[l];
  const bool after = net_.normalised_after(l);
  if (after)
    masked<T>(stream, mask(l), back_, nullptr, at.du, d(l), 1, n_);
  else
    chain<T>(stream, back_, own.slope, own.bend, at.du, d(l) * n_);
  if (net_.normalised(l)) unnormalise_layer(stream, l);
  if (after) chain<T>(stream, at.ds, own.slope, own.bend, own.delta, d(l) * n_);
}

template <class T>
void LayeredSteps<T>::gradient(const Stream& stream, std::int64_t l, T* g, bool add) const {
  if (net_.normalised(l))
    write_pairs(stream, layers_[l].sums, d(l), 1, g + net_.shift_offset(l),
                g + net_.scale_offset(l), net_.parameters(), add);
}

template class LayeredSteps<float>;
template class LayeredSteps<double>;

}  // namespace saddlescape::cuda
