// One chunk of samples through hidden layers that are more than an activation:
//
//   s = a_{l-1} W^T + b,  u = s, or normalised(s) gamma + beta,
//   a_l = phi(u) mask / (1 - rate) + a_{l-1},
//
// or, normalised after the activation, u = normalised(phi(s)) gamma + beta and
//
//   a_l = u mask / (1 - rate) + a_{l-1},
//
// the mask in training only, the last term where the network skips layer l. Each layer is cut where
// batch normalisation in training needs sums over the whole batch: group.hpp adds them up between
// the phases and hands the totals on. Without such coupling the totals are null.
#pragma once

#include <algorithm>
#include <vector>

#include "net/activate_rows.hpp"
#include "net/chunks.hpp"
#include "net/dropout.hpp"
#include "net/loss_rows.hpp"
#include "net/normalise.hpp"
#include "net/pass.hpp"

namespace saddlescape::net {

// What one layer of a chunk leaves behind; rooms have rows of ld(l).
template <class T>
struct LayerState {
  Room<T> a, slope, bend;  // bend: phi''(u), after the backward pass dL/da phi''(u)
  Room<T> xhat, du, ds;    // du is dL/ds too where the layer is not normalised
  Room<T> inner;           // normalised after phi: dL/ds; ds is dL/dphi(s), slope and bend at s
  // Statistics of the groups: 1/sigma, <dxhat>, <dxhat xhat>.
  std::vector<T> inverse, m1, m2;
  std::vector<Sum<T>> sums;    // (2 d): moments, then of du and du xhat
  std::vector<T> beta, gamma;  // dL/dbeta / N and dL/dgamma / N over the batch, if it couples
};

template <class T>
class LayeredPass {
 public:
  LayeredPass(const Weights<T>& weights, const Mode& mode, std::int64_t total)
      : weights_(weights),
        mode_(mode),
        total_(total),
        rows_(std::min(chunk_rows, total)),
        loss_(weights.net(), rows_, weights.ld(weights.net().layers()), total),
        layers_(static_cast<std::size_t>(weights.net().layers() + 1)) {
    for (std::int64_t l = 1; l < net().layers(); ++l)
      if (net().normalised(l)) reserve(l);
  }

  // The chunk that begins with the batch's row `first`. Its X must live as long as this is used.
  void begin(const Batch<T>& chunk, std::int64_t first, Need need) {
    n_ = chunk.N, first_ = first, need_ = need, chunk_ = chunk;
    if (ld(0) == d(0)) {
      x_ = chunk.X;
      return;
    }
    T* copy = make(wide_, 0);
    for (std::int64_t i = 0; i < n_; ++i) {
      std::copy_n(chunk.X + i * d(0), d(0), copy + i * ld(0));
      std::fill(copy + i * ld(0) + d(0), copy + (i + 1) * ld(0), T(0));
    }
    x_ = copy;
  }

  // s_l = a_{l-1} W_l^T + b_l and, where the batch couples, each unit's moments.
  void linear(std::int64_t l) {
    LayerState<T>& at = layers_[l];
    T* s = make(net().normalised(l) ? at.xhat : at.a, l);
    weights_.forward(l, n_, input(l), ld(l - 1), s, false);
    if (after(l)) activate(l, s);
    if (coupled(l)) column_moments(rows(l), s, at.sums.data(), at.sums.data() + d(l));
  }

  // a_l from s_l; `moments` are each unit's mean and variance (2 d) where the batch couples.
  void hidden(std::int64_t l, const Sum<T>* moments) {
    LayerState<T>& at = layers_[l];
    T* a = make(at.a, l);
    if (net().normalised(l)) normalise_rows(l, moments);
    if (!after(l)) activate(l, a);
    mask(l, a, after(l) ? nullptr : at.slope.get(), after(l) ? nullptr : at.bend.get());
    if (net().skips(l)) add(input(l), a, n_ * ld(l));
  }

  const T* outputs() const { return layers_[net().layers()].a.get(); }
  Sum<T> loss_sum() { return loss_.value(outputs(), chunk_); }
  const LossRows<T>& loss() const { return loss_; }

  // delta_L
  void begin_backward() {
    const std::int64_t L = net().layers();
    loss_.gradient(outputs(), chunk_, make(layers_[L].du, L), need_ == Need::curvatures);
  }

  // du = dL/da_l * phi'(u) mask / (1 - rate), with its sums where the layer is normalised;
  // dL/da_l = delta_{l+1} W_{l+1} + dL/da_{l+1}, the last term where layer l + 1 is skipped.
  void fold(std::int64_t l) {
    LayerState<T>& at = layers_[l];
    T* back = make(back_, widest());
    weights_.backward(l + 1, n_, delta(l + 1), back, net().skips(l + 1));
    T* du = make(at.du, l);
    if (after(l)) {
      std::copy_n(back, n_ * ld(l), du);
      mask(l, du, static_cast<T*>(nullptr), static_cast<T*>(nullptr));
    } else {
      chain(l, back, du);
    }
    if (net().normalised(l)) {
      Sum<T>* sums = at.sums.data();
      column_pairs<Sum<T>, T>(rows(l), at.du.get(), at.xhat.get(), nullptr, nullptr, sums,
                              sums + d(l));
    }
  }

  // delta_l = dL/ds_l from du; `totals` are the sums over the batch (2 d) where it couples.
  void unfold(std::int64_t l, const Sum<T>* totals) {
    if (!net().normalised(l)) return;
    unnormalise(l, totals);
    if (after(l)) chain(l, layers_[l].ds.get(), make(layers_[l].inner, l));
  }

  // ds, what is handed down through the normalisation.
  void unnormalise(std::int64_t l, const Sum<T>* totals) {
    LayerState<T>& at = layers_[l];
    T* ds = make(at.ds, l);
    if (!by_sample()) {
      if (totals) take_totals(l, totals);
      return normalise_backward<Over::batch>(rows(l), normalised(l), at.du.get(), at.m1.data(),
                                             at.m2.data(), ds);
    }
    const T *gamma = this->gamma(l), *du = at.du.get(), *xhat = at.xhat.get();
    row_means<Sum<T>>(rows(l), at.m1.data(), at.m2.data(),
                      [=](std::int64_t, std::int64_t j, std::int64_t e, Sum<T>& a, Sum<T>& b) {
                        const Sum<T> dxhat = static_cast<Sum<T>>(gamma[j] * du[e]);
                        a += dxhat, b += dxhat * static_cast<Sum<T>>(xhat[e]);
                      });
    normalise_backward<Over::units>(rows(l), normalised(l), du, at.m1.data(), at.m2.data(), ds);
  }

  // g = dL/dtheta of the chunk.
  void gradient(T* g) {
    for (std::int64_t l = 1; l <= net().layers(); ++l) {
      outer(weights_, l, n_, delta(l), input(l), g + net().weight_offset(l), false, spare());
      if (net().bias) column_sums(delta(l), l, g + net().bias_offset(l));
      if (net().normalised(l)) write_pair(l, layers_[l].sums, g);
    }
  }

  // The sums (2 d) of beta and gamma into a vector like theta.
  void write_pair(std::int64_t l, const std::vector<Sum<T>>& sums, T* out) const {
    for (std::int64_t j = 0; j < d(l); ++j) {
      out[net().shift_offset(l) + j] = static_cast<T>(sums[j]);
      out[net().scale_offset(l) + j] = static_cast<T>(sums[d(l) + j]);
    }
  }

  void column_sums(const T* from, std::int64_t l, T* out) const {
    std::vector<Sum<T>> sums(static_cast<std::size_t>(d(l)));
    Sum<T>* sum = sums.data();
    each_element(rows(l), [=](std::int64_t, std::int64_t j, std::int64_t e) {
      sum[j] += static_cast<Sum<T>>(from[e]);
    });
    for (std::int64_t j = 0; j < d(l); ++j) out[j] = static_cast<T>(sum[j]);
  }

  const Weights<T>& weights() const { return weights_; }
  const Architecture& net() const { return weights_.net(); }
  std::int64_t n() const { return n_; }
  std::int64_t total() const { return total_; }
  std::int64_t d(std::int64_t l) const { return weights_.d(l); }
  std::int64_t ld(std::int64_t l) const { return weights_.ld(l); }
  std::int64_t size(std::int64_t l) const { return rows_ * ld(l); }
  Rows rows(std::int64_t l) const { return {n_, d(l), ld(l)}; }
  bool coupled(std::int64_t l) const { return net().normalised(l) && net().coupled(mode_); }
  bool by_sample() const { return net().normalisation == Normalisation::layer; }
  std::int64_t groups(std::int64_t l) const { return by_sample() ? rows_ : d(l); }
  // a_{l-1}, rows of ld(l - 1).
  const T* input(std::int64_t l) const { return l == 1 ? x_ : layers_[l - 1].a.get(); }
  const T* gamma(std::int64_t l) const { return weights_.flat() + net().scale_offset(l); }
  const T* delta(std::int64_t l) const {
    if (after(l)) return layers_[l].inner.get();
    return net().normalised(l) ? layers_[l].ds.get() : layers_[l].du.get();
  }
  bool after(std::int64_t l) const { return net().normalised_after(l); }
  // values * mask / (1 - rate) in training, and slopes and curvatures where they are not null.
  void mask(std::int64_t l, T* values, T* slopes, T* curvatures) const {
    if (mode_.training && net().dropout > 0)
      Dropout(mode_, net().dropout, l).apply(first_, n_, d(l), ld(l), values, slopes, curvatures);
  }
  const LayerState<T>& layer(std::int64_t l) const { return layers_[l]; }
  Normalised<T> normalised(std::int64_t l) const {
    const LayerState<T>& at = layers_[l];
    return {gamma(l),    at.inverse.data(), at.xhat.get(), at.du.get(),
            at.ds.get(), at.m1.data(),      at.m2.data()};
  }

  std::int64_t widest() const {
    std::int64_t widest = 1;
    for (std::int64_t l = 2; l < net().layers(); ++l)
      if (ld(l) > ld(widest)) widest = l;
    return widest;
  }
  std::int64_t spare_size() const { return weights_.spare_size(); }

 private:
  void reserve(std::int64_t l) {
    LayerState<T>& at = layers_[l];
    const auto count = static_cast<std::size_t>(groups(l)), units = static_cast<std::size_t>(d(l));
    at.inverse.resize(count), at.m1.resize(count), at.m2.resize(count);
    at.sums.resize(2 * units), at.beta.resize(units), at.gamma.resize(units);
  }
  T* make(Room<T>& at, std::int64_t l) const {
    if (!at) at = room<T>(size(l));
    return at.get();
  }
  T* spare() {
    if (!spare_) spare_ = room<T>(spare_size());
    return spare_.get();
  }

  // phi of the values, in place, and its derivatives as far as they are needed.
  void activate(std::int64_t l, T* values) {
    LayerState<T>& at = layers_[l];
    T* slope = need_ != Need::values ? make(at.slope, l) : nullptr;
    T* bend = need_ == Need::curvatures ? make(at.bend, l) : nullptr;
    activate_rows(net(), values, slope, bend, n_, d(l), ld(l));
  }
  // Through phi: delta = back phi', and bend = back phi''.
  void chain(std::int64_t l, const T* back, T* delta) {
    LayerState<T>& at = layers_[l];
    net::chain(back, at.slope.get(), need_ == Need::curvatures ? at.bend.get() : nullptr, delta,
               n_ * ld(l));
  }

  void normalise_rows(std::int64_t l, const Sum<T>* moments) {
    LayerState<T>& at = layers_[l];
    T *s = at.xhat.get(), *u = at.a.get(), *inverse = at.inverse.data();
    const T *gamma = this->gamma(l), *beta = gamma + d(l);
    std::vector<T> mean(static_cast<std::size_t>(groups(l)));
    if (by_sample()) {
      sample_moments(l, mean.data());
      return normalise<Over::units>(rows(l), mean.data(), inverse, gamma, beta, s, u);
    }
    const std::int64_t unit = running_offset(l);
    for (std::int64_t j = 0; j < d(l); ++j) {
      mean[j] = static_cast<T>(moments ? moments[j] : static_cast<Sum<T>>(mode_.mean[unit + j]));
      inverse[j] = inverse_deviation<T>(moments ? moments[d(l) + j]
                                                : static_cast<Sum<T>>(mode_.variance[unit + j]));
    }
    normalise<Over::batch>(rows(l), mean.data(), inverse, gamma, beta, s, u);
  }

  void sample_moments(std::int64_t l, T* mean) {
    const T* s = layers_[l].xhat.get();
    for (std::int64_t i = 0; i < n_; ++i) {
      Sum<T> sum = 0, squares = 0;
      for (std::int64_t j = 0; j < d(l); ++j) sum += static_cast<Sum<T>>(s[i * ld(l) + j]);
      sum /= static_cast<Sum<T>>(d(l));
      for (std::int64_t j = 0; j < d(l); ++j) {
        const Sum<T> off = static_cast<Sum<T>>(s[i * ld(l) + j]) - sum;
        squares += off * off;
      }
      mean[i] = static_cast<T>(sum);
      layers_[l].inverse[i] = inverse_deviation<T>(squares / static_cast<Sum<T>>(d(l)));
    }
  }

  // <dxhat> = gamma dL/dbeta / N, <dxhat xhat> = gamma dL/dgamma / N.
  void take_totals(std::int64_t l, const Sum<T>* totals) {
    LayerState<T>& at = layers_[l];
    const auto N = static_cast<Sum<T>>(total_);
    for (std::int64_t j = 0; j < d(l); ++j) {
      at.beta[j] = static_cast<T>(totals[j] / N);
      at.gamma[j] = static_cast<T>(totals[d(l) + j] / N);
      at.m1[j] = gamma(l)[j] * at.beta[j];
      at.m2[j] = gamma(l)[j] * at.gamma[j];
    }
  }

  std::int64_t running_offset(std::int64_t l) const {
    std::int64_t unit = 0;
    for (std::int64_t i = 1; i < l; ++i) unit += d(i);
    return unit;
  }

  const Weights<T>& weights_;
  const Mode& mode_;
  std::int64_t total_, rows_, n_ = 0, first_ = 0;
  Need need_ = Need::values;
  Batch<T> chunk_{};
  LossRows<T> loss_;
  const T* x_ = nullptr;
  Room<T> wide_, back_, spare_;
  std::vector<LayerState<T>> layers_;
};

}  // namespace saddlescape::net
