#include "cuda/net/tangent.hpp"

#include "cuda/net/launches.hpp"

namespace saddlescape::cuda {

template <class T>
void DeviceTangent<T>::arrange(Cut& cut, const DevicePass<T>& pass, std::int64_t rows,
                               std::int64_t vectors) {
  for (std::int64_t l = 1; l <= net_.layers(); ++l) {
    const std::int64_t size = rows * vectors * net_.sizes[l];
    layers_[l].Rs = cut.take<T>(size);
    layers_[l].Ra = cut.take<T>(l < net_.layers() ? size : 0);
    layers_[l].Rdelta = cut.take<T>(size);
  }
  if (pass.layered()) layered_.arrange(cut, rows, vectors);
}

template <class T>
void DeviceTangent<T>::product(const Blas& blas, const Stream& stream, const DevicePass<T>& pass,
                               std::int64_t total, const T* V, std::int64_t k, T* HV, bool add) {
  const std::int64_t L = net_.layers();
  forward(blas, stream, pass, V, k);
  // R{delta_L} = (d2 loss / df2) R{f}; without the Gauss-Newton part it is left out
  if (part_ == net::Part::functional)
    set_zero(stream, layers_[L].Rdelta,
             k * pass.n() * pass.d(L) * static_cast<std::int64_t>(sizeof(T)));
  else
    loss_product(stream, net_, pass.chunk(), pass.scale(total), pass.kept(), layers_[L].Rs,
                 pass.bias(V, L), net_.parameters(), layers_[L].Rdelta, k);
  backward(blas, stream, pass, V, k);
  write(blas, stream, pass, k, HV, add);
}

// R{s_l} = V_l a_{l-1} + W_l R{a_{l-1}} + v_l, with R{a_0} = 0; R{a_l} = phi'(s_l) R{s_l}
template <class T>
void DeviceTangent<T>::forward(const Blas& blas, const Stream& stream, const DevicePass<T>& pass,
                               const T* V, std::int64_t k) {
  const std::int64_t L = net_.layers(), P = net_.parameters(), n = pass.n();
  for (std::int64_t l = 1; l < L; ++l) {
    const std::int64_t d = pass.d(l), below = pass.d(l - 1);
    const Operand<T> in = pass.input(l);
    T* const Rs = layers_[l].Rs;
    blas.gemm_batch(k, Op::none, in.op, d, n, below, T(1), V + net_.weight_offset(l), below, P,
                    in.data, in.ld, std::int64_t{0}, T(0), Rs, k * n, n);
    if (l > 1)
      blas.gemm(Op::none, Op::none, d, k * n, below, T(1), pass.W(l), below, layers_[l - 1].Ra,
                k * n, T(1), Rs, k * n);
    if (pass.layered())
      layered_.forward(stream, pass, l, layers_[l], l > 1 ? layers_[l - 1].Ra : nullptr, V, k);
    else
      tangent_forward(stream, Rs, pass.bias(V, l), P, pass.slope(l), layers_[l].Ra, d, k, n);
  }
  // The same for the outputs, turned; the loss adds their v_L.
  const std::int64_t C = pass.d(L), below = pass.d(L - 1);
  const Operand<T> in = pass.input(L).turned();
  T* const Rf = layers_[L].Rs;
  blas.gemm_batch(k, in.op, Op::transpose, n, C, below, T(1), in.data, in.ld, std::int64_t{0},
                  V + net_.weight_offset(L), below, P, T(0), Rf, C, n * C);
  if (L > 1)
    blas.gemm(Op::transpose, Op::transpose, k * n, C, below, T(1), layers_[L - 1].Ra, k * n,
              pass.W(L), below, T(1), Rf, C);
}

// R{delta_l} = (W_{l+1}^T R{delta_{l+1}} + V_{l+1}^T delta_{l+1}) phi'(s_l)
//            + (W_{l+1}^T delta_{l+1}) phi''(s_l) R{s_l}
template <class T>
void DeviceTangent<T>::backward(const Blas& blas, const Stream& stream, const DevicePass<T>& pass,
                                const T* V, std::int64_t k) {
  const std::int64_t L = net_.layers(), P = net_.parameters(), n = pass.n();
  for (std::int64_t l = L - 1; l >= 1; --l) {
    const std::int64_t d = pass.d(l), above = pass.d(l + 1);
    const Operand<T> delta = pass.delta(l + 1);
    T* const back = pass.layered() ? layered_.back() : layers_[l].Rdelta;
    blas.gemm(Op::transpose, delta.op, d, k * n, above, T(1), pass.W(l + 1), d,
              layers_[l + 1].Rdelta, l + 1 == L ? above : k * n, net_.skips(l + 1) ? T(1) : T(0),
              back, k * n);
    if (bends())
      blas.gemm_batch(k, Op::transpose, delta.op, d, n, above, T(1), V + net_.weight_offset(l + 1),
                      d, P, delta.data, delta.ld, std::int64_t{0}, T(1), back, k * n, n);
    if (pass.layered())
      layered_.backward(stream, pass, l, layers_[l], V, k);
    else
      tangent_backward<T>(stream, back, pass.slope(l), bends() ? pass.bend(l) : nullptr,
                          layers_[l].Rs, back, d, k, n);
  }
}

// R{dL/dW_l} = R{delta_l} a_{l-1}^T + delta_l R{a_{l-1}}^T,  R{dL/db_l} = sum_i R{delta_l}
template <class T>
void DeviceTangent<T>::write(const Blas& blas, const Stream& stream, const DevicePass<T>& pass,
                             std::int64_t k, T* HV, bool add) {
  const std::int64_t L = net_.layers(), P = net_.parameters(), n = pass.n();
  const T kept = add ? T(1) : T(0);
  for (std::int64_t l = 1; l <= L; ++l) {
    const std::int64_t d = pass.d(l), below = pass.d(l - 1);
    const Operand<T> delta = pass.delta(l), in = pass.input(l).turned();
    const bool last = l == L;
    T* const out = HV + net_.weight_offset(l);
    blas.gemm_batch(k, delta.op, in.op, d, below, n, T(1), layers_[l].Rdelta, last ? d : k * n,
                    last ? n * d : n, in.data, in.ld, std::int64_t{0}, kept, out, below, P);
    if (l > 1 && bends())
      blas.gemm_batch(k, delta.op, Op::transpose, d, below, n, T(1), delta.data, delta.ld,
                      std::int64_t{0}, layers_[l - 1].Ra, k * n, n, T(1), out, below, P);
    if (net_.bias)
      row_sums(stream, layers_[l].Rdelta, last, d, k, n, HV + net_.bias_offset(l), P, add);
    if (pass.layered()) layered_.write(stream, l, k, HV, add);
  }
}

template class DeviceTangent<float>;
template class DeviceTangent<double>;

}  // namespace saddlescape::cuda
