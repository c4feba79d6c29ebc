// The derivative of a LayeredPass when theta moves along v: R{.} in the names of Pearlmutter
// (1994), with the tangents of normalise.hpp; cut into the same phases.
//
// For the Gauss-Newton part the outputs' R{delta_L} goes back through the network as it stands: all
// terms with R{.} of the network's own slopes are left out.
#pragma once

#include <vector>

#include "net/assembly.hpp"
#include "net/layered_pass.hpp"

namespace saddlescape::net {

template <class T>
class LayeredTangent {
 public:
  LayeredTangent(const LayeredPass<T>& like, Part part)
      : part_(part), layers_(static_cast<std::size_t>(like.net().layers() + 1)) {
    for (std::int64_t l = 1; l <= like.net().layers(); ++l) {
      State& at = layers_[l];
      at.Rs = room<T>(like.size(l)), at.Rdu = room<T>(like.size(l));
      if (l == like.net().layers()) continue;
      at.Ra = room<T>(like.size(l));
      if (!like.net().normalised(l)) continue;
      at.Rxhat = room<T>(like.size(l)), at.Rds = room<T>(like.size(l));
      if (like.after(l)) at.Rphi = room<T>(like.size(l)), at.Rinner = room<T>(like.size(l));
      at.sums.resize(static_cast<std::size_t>(2 * like.d(l)));
      for (auto* means : {&at.q1, &at.q2, &at.Rm1, &at.Rm2})
        means->resize(static_cast<std::size_t>(like.groups(l)));
    }
    back_ = room<T>(like.net().layers() > 1 ? like.size(like.widest()) : 0);
    spare_ = room<T>(like.spare_size());
    scratch_ = room<T>(like.loss().product_room());
  }

  // R{s_l} = a_{l-1} V_l^T + R{a_{l-1}} W_l^T + v_l and, where the batch couples, the sums of R{s}
  // and xhat R{s}.
  void linear(const LayeredPass<T>& pass, const Weights<T>& v, std::int64_t l) {
    State& at = layers_[l];
    T* Rs = at.Rs.get();
    v.forward(l, pass.n(), pass.input(l), pass.ld(l - 1), Rs, false);
    if (l > 1)
      pass.weights().forward(l, pass.n(), layers_[l - 1].Ra.get(), pass.ld(l - 1), Rs, true);
    if (pass.after(l))
      tangent_forward(pass.layer(l).slope.get(), Rs, at.Rphi.get(), pass.n() * pass.ld(l));
    if (pass.coupled(l))
      column_pairs<Sum<T>, T>(pass.rows(l), Rnormalised(pass, l), pass.layer(l).xhat.get(), nullptr,
                              nullptr, at.sums.data(), at.sums.data() + pass.d(l));
  }

  // R{a_l} = phi'(u) mask / (1 - rate) R{u} + R{a_{l-1}}
  void hidden(const LayeredPass<T>& pass, const Weights<T>& v, std::int64_t l,
              const Sum<T>* totals) {
    State& at = layers_[l];
    const std::int64_t count = pass.n() * pass.ld(l);
    if (pass.net().normalised(l)) normalise_rows(pass, v, l, totals);
    if (pass.after(l)) {
      std::copy_n(at.Rphi.get(), count, at.Ra.get());
      pass.mask(l, at.Ra.get(), nullptr, nullptr);
    } else {
      tangent_forward(pass.layer(l).slope.get(), at.Rs.get(), at.Ra.get(), count);
    }
    if (pass.net().skips(l) && l > 1) add(layers_[l - 1].Ra.get(), at.Ra.get(), count);
  }

  // R{delta_L} = (d2 loss / df2) R{f}; without the Gauss-Newton part it is left out.
  void begin_backward(const LayeredPass<T>& pass) {
    const std::int64_t L = pass.net().layers();
    T* Rdelta = layers_[L].Rdu.get();
    if (part_ == Part::functional)
      std::fill_n(Rdelta, pass.n() * pass.ld(L), T(0));
    else
      pass.loss().product(layers_[L].Rs.get(), pass.n(), Rdelta, scratch_.get());
  }

  // R{du_l} = R{dL/da_l} phi'(u) + dL/da_l phi''(u) R{u}, and its sums where it is normalised.
  void fold(const LayeredPass<T>& pass, const Weights<T>& v, std::int64_t l) {
    State& at = layers_[l];
    const LayerState<T>& from = pass.layer(l);
    const std::int64_t n = pass.n(), count = n * pass.ld(l);
    T *back = back_.get(), *Rdu = at.Rdu.get();
    pass.weights().backward(l + 1, n, Rdelta(pass, l + 1), back, pass.net().skips(l + 1));
    if (bends()) v.backward(l + 1, n, pass.delta(l + 1), back, true);
    std::copy_n(back, count, Rdu);
    if (pass.after(l))
      pass.mask(l, Rdu, nullptr, nullptr);
    else if (bends())
      tangent_backward(from.slope.get(), from.bend.get(), at.Rs.get(), Rdu, count);
    else
      tangent_forward(from.slope.get(), back, Rdu, count);
    if (pass.net().normalised(l))
      column_pairs<Sum<T>, T>(pass.rows(l), Rdu, from.xhat.get(), bends() ? from.du.get() : nullptr,
                              at.Rxhat.get(), at.sums.data(), at.sums.data() + pass.d(l));
  }

  // R{delta_l} from R{du_l}
  void unfold(const LayeredPass<T>& pass, const Weights<T>& v, std::int64_t l,
              const Sum<T>* totals) {
    if (!pass.net().normalised(l)) return;
    if (pass.by_sample())
      unfold_over<Over::units>(pass, v, l, totals);
    else
      unfold_over<Over::batch>(pass, v, l, totals);
    if (pass.after(l)) unfold_activation(pass, l);
  }

  // The chunk's part of the product (P,).
  void write(const LayeredPass<T>& pass, T* Hv) {
    const Architecture& net = pass.net();
    for (std::int64_t l = 1; l <= net.layers(); ++l) {
      T* out = Hv + net.weight_offset(l);
      const T* Rdelta = this->Rdelta(pass, l);
      outer(pass.weights(), l, pass.n(), Rdelta, pass.input(l), out, false, spare_.get());
      if (l > 1 && bends())
        outer(pass.weights(), l, pass.n(), pass.delta(l), layers_[l - 1].Ra.get(), out, true,
              spare_.get());
      if (net.bias) pass.column_sums(Rdelta, l, Hv + net.bias_offset(l));
      if (net.normalised(l)) pass.write_pair(l, layers_[l].sums, Hv);
    }
  }

  const std::vector<Sum<T>>& sums(std::int64_t l) const { return layers_[l].sums; }

 private:
  struct State {
    Room<T> Rs, Ra, Rxhat, Rdu, Rds;  // Rs becomes R{u}
    Room<T> Rphi, Rinner;             // normalised after phi: R{phi(s)} becomes R{u}; R{dL/ds}
    std::vector<T> q1, q2, Rm1, Rm2;  // <Rs>, <xhat Rs>; see normalise.hpp
    std::vector<Sum<T>> sums;
  };

  bool bends() const { return part_ != Part::gauss_newton; }
  const T* Rdelta(const LayeredPass<T>& pass, std::int64_t l) const {
    if (pass.after(l)) return layers_[l].Rinner.get();
    return pass.net().normalised(l) ? layers_[l].Rds.get() : layers_[l].Rdu.get();
  }
  // R{.} of what the layer normalises.
  T* Rnormalised(const LayeredPass<T>& pass, std::int64_t l) const {
    return pass.after(l) ? layers_[l].Rphi.get() : layers_[l].Rs.get();
  }

  // R{dL/ds} = R{dL/dphi} phi'(s) + dL/dphi phi''(s) R{s}
  void unfold_activation(const LayeredPass<T>& pass, std::int64_t l) {
    State& at = layers_[l];
    const LayerState<T>& from = pass.layer(l);
    const std::int64_t count = pass.n() * pass.ld(l);
    T* Rinner = at.Rinner.get();
    if (!bends()) return tangent_forward(from.slope.get(), at.Rds.get(), Rinner, count);
    std::copy_n(at.Rds.get(), count, Rinner);
    tangent_backward(from.slope.get(), from.bend.get(), at.Rs.get(), Rinner, count);
  }

  void normalise_rows(const LayeredPass<T>& pass, const Weights<T>& v, std::int64_t l,
                      const Sum<T>* totals) {
    State& at = layers_[l];
    T *Rs = Rnormalised(pass, l), *q1 = at.q1.data(), *q2 = at.q2.data();
    const T *V = v.flat() + pass.net().scale_offset(l), *xhat = pass.layer(l).xhat.get();
    if (!pass.by_sample()) {
      if (totals) share(totals, pass.d(l), pass.total(), q1, q2);
      return tangent_normalise<Over::batch>(pass.rows(l), pass.normalised(l), V, q1, q2, Rs,
                                            at.Rxhat.get());
    }
    row_means<Sum<T>>(pass.rows(l), q1, q2,
                      [=](std::int64_t, std::int64_t, std::int64_t e, Sum<T>& a, Sum<T>& b) {
                        a += static_cast<Sum<T>>(Rs[e]);
                        b += static_cast<Sum<T>>(Rs[e]) * static_cast<Sum<T>>(xhat[e]);
                      });
    tangent_normalise<Over::units>(pass.rows(l), pass.normalised(l), V, q1, q2, Rs, at.Rxhat.get());
  }

  static void share(const Sum<T>* totals, std::int64_t d, std::int64_t total, T* first, T* second) {
    for (std::int64_t j = 0; j < d; ++j) {
      first[j] = static_cast<T>(totals[j] / static_cast<Sum<T>>(total));
      second[j] = static_cast<T>(totals[d + j] / static_cast<Sum<T>>(total));
    }
  }

  template <Over over>
  void unfold_over(const LayeredPass<T>& pass, const Weights<T>& v, std::int64_t l,
                   const Sum<T>* totals) {
    State& at = layers_[l];
    const Normalised<T> from = pass.normalised(l);
    const T* V = v.flat() + pass.net().scale_offset(l);
    T *Rm1 = at.Rm1.data(), *Rm2 = at.Rm2.data();
    if constexpr (over == Over::units)
      sample_means(pass, V, l);
    else if (totals)
      batch_means(pass, V, l, totals);
    if (bends())
      tangent_normalise_backward<over>(pass.rows(l), from, V, at.q2.data(), Rm1, Rm2,
                                       at.Rxhat.get(), at.Rdu.get(), at.Rds.get());
    else
      normalise_backward<over>(pass.rows(l), from, at.Rdu.get(), Rm1, Rm2, at.Rds.get());
  }

  // <Rdxhat> = Rgamma dL/dbeta / N + gamma R{dL/dbeta} / N, and with gamma in beta's place.
  void batch_means(const LayeredPass<T>& pass, const T* V, std::int64_t l, const Sum<T>* totals) {
    State& at = layers_[l];
    const LayerState<T>& from = pass.layer(l);
    const T* gamma = pass.gamma(l);
    share(totals, pass.d(l), pass.total(), at.Rm1.data(), at.Rm2.data());
    for (std::int64_t j = 0; j < pass.d(l); ++j) {
      at.Rm1[j] = gamma[j] * at.Rm1[j] + (bends() ? V[j] * from.beta[j] : T(0));
      at.Rm2[j] = gamma[j] * at.Rm2[j] + (bends() ? V[j] * from.gamma[j] : T(0));
    }
  }

  void sample_means(const LayeredPass<T>& pass, const T* V, std::int64_t l) {
    State& at = layers_[l];
    const T *gamma = pass.gamma(l), *du = pass.layer(l).du.get(), *xhat = pass.layer(l).xhat.get();
    const T *Rdu = at.Rdu.get(), *Rxhat = at.Rxhat.get();
    const bool bent = bends();
    row_means<Sum<T>>(pass.rows(l), at.Rm1.data(), at.Rm2.data(),
                      [=](std::int64_t, std::int64_t j, std::int64_t e, Sum<T>& a, Sum<T>& b) {
                        const T Rdxhat = gamma[j] * Rdu[e] + (bent ? V[j] * du[e] : T(0));
                        a += static_cast<Sum<T>>(Rdxhat);
                        b += static_cast<Sum<T>>(Rdxhat) * static_cast<Sum<T>>(xhat[e]);
                        if (bent)
                          b +=
                              static_cast<Sum<T>>(gamma[j] * du[e]) * static_cast<Sum<T>>(Rxhat[e]);
                      });
  }

  Part part_;
  std::vector<State> layers_;
  Room<T> back_, spare_, scratch_;
};

}  // namespace saddlescape::net
