#include "cuda/net/pass.hpp"

#include "cuda/net/launches.hpp"
#include "net/loss_rows.hpp"

namespace saddlescape::cuda {

template <class T>
void DevicePass<T>::arrange(Cut& cut, std::int64_t rows) {
  const bool losses = keep_ >= Keep::loss, slopes = keep_ >= Keep::slopes;
  const bool curvatures = keep_ >= Keep::curvatures;
  const std::int64_t L = net_.layers(), C = net_.outputs();
  const std::int64_t ordered = ordered_ ? rows : 0;
  X_ = cut.take<T>(ordered * d(0));
  Y_ = cut.take<T>(ordered * C);
  weight_ = cut.take<T>(ordered);
  for (std::int64_t l = 1; l < L; ++l) {
    const std::int64_t size = rows * d(l);
    hidden_[l].a = cut.take<T>(size);
    hidden_[l].slope = cut.take<T>(slopes ? size : 0);
    hidden_[l].bend = cut.take<T>(curvatures ? size : 0);
    hidden_[l].delta = cut.take<T>(slopes ? size : 0);
    if (layered_) layered_->arrange(cut, rows, l, hidden_[l]);
  }
  if (layered_ && slopes) layered_->arrange_back(cut, rows);
  f_ = cut.take<T>(losses ? rows * C : 0);
  losses_ = cut.take<double>(losses ? rows : 0);
  delta_ = cut.take<T>(slopes ? rows * C : 0);
  // At least one number: null says that nothing is to be kept.
  kept_ = cut.take<T>(curvatures ? rows * kept_numbers(net_) + 1 : 0);
}

template <class T>
T DevicePass<T>::scale(std::int64_t total) const {
  return T(1) / static_cast<T>(net::mean_terms(net_, total));
}

// A batch's rows in its order, one behind the other.
template <class T>
void DevicePass<T>::take(const Stream& stream, const net::Batch<T>& chunk) {
  chunk_ = chunk;
  if (!chunk.order) return;
  gather(stream, chunk.X, chunk.order, X_, chunk.N, d(0));
  if (chunk.Y) gather(stream, chunk.Y, chunk.order, Y_, chunk.N, net_.outputs());
  if (chunk.weight) gather(stream, chunk.weight, chunk.order, weight_, chunk.N, 1);
  chunk_ = {X_, chunk.Y ? Y_ : nullptr, chunk.N, chunk.weight ? weight_ : nullptr};
}

template <class T>
void DevicePass<T>::forward(const Blas& blas, const Stream& stream, const T* theta,
                            const net::Batch<T>& chunk, std::int64_t first, T* outputs) {
  theta_ = theta;
  take(stream, chunk);
  if (layered_) layered_->begin(theta, first, n());
  const std::int64_t L = net_.layers(), C = net_.outputs();
  for (std::int64_t l = 1; l < L; ++l) {
    const Operand<T> in = input(l);
    const HiddenLayer<T>& own = hidden_[l];
    T* const s = layered_ ? layered_->linear(l, own) : own.a;
    // s_l = W_l a_{l-1} + b_l
    blas.gemm(Op::none, in.op, d(l), n(), d(l - 1), T(1), W(l), d(l - 1), in.data, in.ld, T(0), s,
              n());
    if (layered_)
      layered_->forward(stream, l, own, in);
    else
      activate(stream, net_.activation, s, bias(theta, l), own.slope, own.bend, d(l), n());
  }
  const Operand<T> in = input(L).turned();
  T* const f = outputs ? outputs : f_;
  blas.gemm(in.op, Op::transpose, n(), C, d(L - 1), T(1), in.data, in.ld, W(L), d(L - 1), T(0), f,
            C);
  if (outputs && net_.bias) add_bias(stream, f, bias(theta, L), n(), C);
}

template <class T>
void DevicePass<T>::loss(const Stream& stream, std::int64_t total, double* value, bool add) {
  loss_of(stream, net_, chunk_, scale(total), f_, bias(theta_, net_.layers()), losses_, delta_,
          kept_);
  mean_loss(stream, losses_, n(), static_cast<double>(net::mean_terms(net_, total)), value, add);
}

template <class T>
void DevicePass<T>::backward(const Blas& blas, const Stream& stream) {
  for (std::int64_t l = net_.layers() - 1; l >= 1; --l) {
    const Operand<T> above = delta(l + 1);
    T* const back = layered_ ? layered_->back() : hidden_[l].delta;
    // dL/da_l = W_{l+1}^T delta_{l+1}, and dL/da_{l+1} where layer l + 1 is skipped
    blas.gemm(Op::transpose, above.op, d(l), n(), d(l + 1), T(1), W(l + 1), d(l), above.data,
              above.ld, net_.skips(l + 1) ? T(1) : T(0), back, n());
    if (layered_)
      layered_->backward(stream, l, hidden_[l]);
    else
      chain(stream, back, slope(l), hidden_[l].bend, back, d(l) * n());
  }
}

template <class T>
void DevicePass<T>::gradient(const Blas& blas, const Stream& stream, T* g, bool add) const {
  const T kept = add ? T(1) : T(0);
  for (std::int64_t l = 1; l <= net_.layers(); ++l) {
    const Operand<T> own = delta(l), in = input(l).turned();
    // dL/dW_l = delta_l a_{l-1}^T, dL/db_l = sum_i delta_l
    blas.gemm(own.op, in.op, d(l), d(l - 1), n(), T(1), own.data, own.ld, in.data, in.ld, kept,
              g + net_.weight_offset(l), d(l - 1));
    if (net_.bias)
      row_sums(stream, own.data, l == net_.layers(), d(l), 1, n(), g + net_.bias_offset(l), 0, add);
    if (layered_) layered_->gradient(stream, l, g, add);
  }
}

template class DevicePass<float>;
template class DevicePass<double>;

}  // namespace saddlescape::cuda
