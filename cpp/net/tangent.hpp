// The derivative of a chunk's forward and backward pass when theta moves along v: R{.} in the names
// of Pearlmutter (1994), "Fast exact multiplication by the Hessian", Neural Computation 6(1).
#pragma once

#include <vector>

#include "net/pass.hpp"

namespace saddlescape::net {

template <class T>
class TangentPass {
 public:
  // Room for chunks of the size of `like`'s.
  explicit TangentPass(const Pass<T>& like) {
    for (std::int64_t l = 0; l <= like.net().layers(); ++l) {
      Rs_.push_back(room<T>(l ? like.size(l) : 0));
      Ra_.push_back(room<T>(l && l < like.net().layers() ? like.size(l) : 0));
      Rdelta_.push_back(room<T>(l ? like.size(l) : 0));
    }
    spare_ = room<T>(like.spare_size());
    scratch_ = room<T>(like.loss().product_room());
  }

  // Hv = H v of the chunk that `pass` has been forward and backward over, with curvatures.
  void product(const Pass<T>& pass, const Weights<T>& v, T* Hv) {
    const std::int64_t L = pass.net().layers();
    forward(pass, v);
    // R{delta_L} = (d2 loss / df2) R{f}
    pass.loss().product(Rs_[L].get(), pass.n(), Rdelta_[L].get(), scratch_.get());
    for (std::int64_t l = L - 1; l >= 1; --l) backward(pass, v, l);
    for (std::int64_t l = 1; l <= L; ++l) write(pass, l, Hv);
  }

 private:
  static const DenseTable<T>& table() { return dense_kernels().template table<T>(); }

  void forward(const Pass<T>& pass, const Weights<T>& v) {
    const std::int64_t n = pass.n();
    for (std::int64_t l = 1; l <= pass.net().layers(); ++l) {
      T* Rs = Rs_[l].get();
      // R{s_l} = a_{l-1} V_l^T + R{a_{l-1}} W_l^T + v_l; R{a_0} = 0
      v.forward(l, n, pass.input(l), pass.ld(l - 1), Rs, false);
      if (l > 1) pass.weights().forward(l, n, Ra_[l - 1].get(), pass.ld(l - 1), Rs, true);
      if (l == pass.net().layers()) break;
      // R{a_l} = phi'(s_l) * R{s_l}
      if constexpr (std::is_same_v<T, long double>)
        tangent_forward(pass.slope(l), Rs, Ra_[l].get(), n * pass.ld(l));
      else
        table().tangent_forward(pass.slope(l), Rs, Ra_[l].get(), n * pass.ld(l));
    }
  }

  // R{delta_l} = (R{delta_{l+1}} W_{l+1} + delta_{l+1} V_{l+1}) * phi'(s_l)
  //            + (delta_{l+1} W_{l+1}) * phi''(s_l) * R{s_l}
  void backward(const Pass<T>& pass, const Weights<T>& v, std::int64_t l) {
    const std::int64_t n = pass.n();
    T* Rdelta = Rdelta_[l].get();
    pass.weights().backward(l + 1, n, Rdelta_[l + 1].get(), Rdelta, false);
    v.backward(l + 1, n, pass.delta(l + 1), Rdelta, true);
    if constexpr (std::is_same_v<T, long double>)
      tangent_backward(pass.slope(l), pass.bend(l), Rs_[l].get(), Rdelta, n * pass.ld(l));
    else
      table().tangent_backward(pass.slope(l), pass.bend(l), Rs_[l].get(), Rdelta, n * pass.ld(l));
  }

  // R{dL/dW_l} = R{delta_l}^T a_{l-1} + delta_l^T R{a_{l-1}},  R{dL/db_l} = sum_i R{delta_l}
  void write(const Pass<T>& pass, std::int64_t l, T* Hv) {
    const std::int64_t n = pass.n();
    T* out = Hv + pass.net().weight_offset(l);
    outer(pass.weights(), l, n, Rdelta_[l].get(), pass.input(l), out, false, spare_.get());
    if (l > 1)
      outer(pass.weights(), l, n, pass.delta(l), Ra_[l - 1].get(), out, true, spare_.get());
    if (pass.net().bias) pass.column_sums(Rdelta_[l].get(), l, Hv + pass.net().bias_offset(l));
  }

  std::vector<Room<T>> Rs_, Ra_, Rdelta_;
  Room<T> spare_, scratch_;
};

}  // namespace saddlescape::net
