// theta, or a vector that theta moves along, as the products of a chunk take it.
//
// Two ways, of which the network's sizes alone choose:
//   packed   small networks: copies of W_l and of W_l^T with rows of whole vectors, which stay in
//            the cache, and the loops of dense.hpp. A product takes as long as its arithmetic.
//   plain    all others, and long double: theta as it stands, and BLAS.
#pragma once

#include <algorithm>
#include <type_traits>
#include <vector>

#include "core/blas.hpp"
#include "net/chain.hpp"
#include "net/dense.hpp"
#include "net/mlp.hpp"
#include "net/room.hpp"

namespace saddlescape::net {

enum class Layout { plain, packed };

// Packed copies of theta up to this size stay in the second-level cache, beside a chunk.
constexpr std::int64_t packed_bytes = 384 * 1024;

template <class T>
Layout layout_of(const Architecture& net) {
  if constexpr (std::is_same_v<T, long double>) return Layout::plain;
  std::int64_t numbers = 0;
  for (const std::int64_t d : net.sizes)
    if (d > 4096) return Layout::plain;
  for (std::int64_t l = 1; l <= net.layers(); ++l) numbers += net.sizes[l] * net.sizes[l - 1];
  return numbers * static_cast<std::int64_t>(sizeof(T)) <= packed_bytes ? Layout::packed
                                                                        : Layout::plain;
}

template <class T>
class Weights {
 public:
  Weights(const Architecture& net, Layout layout) : net_(net), layout_(layout) {
    if (layout == Layout::plain) return;
    std::int64_t size = 0;
    for (std::int64_t l = 1; l <= net.layers(); ++l) {
      down_.push_back(size);
      size += d(l - 1) * ld(l);  // W_l^T
      up_.push_back(size);
      if (l > 1) size += d(l) * ld(l - 1);  // W_l: nothing goes back to the inputs
      bias_.push_back(size);
      size += ld(l);
    }
    packed_ = room<T>(size);
    std::fill_n(packed_.get(), size, T(0));
  }
  Weights(const Architecture& net, Layout layout, const T* flat) : Weights(net, layout) {
    take(flat);
  }

  // Plain: `flat` must live on.
  void take(const T* flat) {
    flat_ = flat;
    if (layout_ == Layout::plain) return;
    for (std::int64_t l = 1; l <= net_.layers(); ++l) {
      const T* W = flat + net_.weight_offset(l);
      T *down = packed_.get() + down_[l - 1], *up = packed_.get() + up_[l - 1];
      for (std::int64_t p = 0; p < d(l); ++p) {
        if (l > 1) std::copy_n(W + p * d(l - 1), d(l - 1), up + p * ld(l - 1));
        for (std::int64_t q = 0; q < d(l - 1); ++q) down[q * ld(l) + p] = W[p * d(l - 1) + q];
      }
      if (net_.bias) std::copy_n(flat + net_.bias_offset(l), d(l), packed_.get() + bias_[l - 1]);
    }
  }

  // out (n, d_l) = a W_l^T + b_l, or out += a W_l^T; a (n, d_{l-1}) with rows of lda numbers.
  void forward(std::int64_t l, std::int64_t n, const T* a, std::int64_t lda, T* out,
               bool add) const {
    const bool with_bias = !add && net_.bias;
    if constexpr (!std::is_same_v<T, long double>)
      if (layout_ == Layout::packed)
        return table().multiply({a, lda, 1}, packed_.get() + down_[l - 1], ld(l),
                                with_bias ? packed_.get() + bias_[l - 1]
                                : add     ? out
                                          : nullptr,
                                out, ld(l), n, ld(l), d(l - 1));
    if (with_bias)
      for (std::int64_t i = 0; i < n; ++i)
        std::copy_n(flat_ + net_.bias_offset(l), d(l), out + i * d(l));
    blas::gemm(blas::Op::none, blas::Op::transpose, n, d(l), d(l - 1), T(1), a, lda,
               flat_ + net_.weight_offset(l), d(l - 1), with_bias || add ? T(1) : T(0), out, d(l));
  }

  // out (n, d_{l-1}) = delta W_l, or out += delta W_l; delta (n, d_l), l > 1.
  void backward(std::int64_t l, std::int64_t n, const T* delta, T* out, bool add) const {
    if constexpr (!std::is_same_v<T, long double>)
      if (layout_ == Layout::packed)
        return table().multiply({delta, ld(l), 1}, packed_.get() + up_[l - 1], ld(l - 1),
                                add ? out : nullptr, out, ld(l - 1), n, ld(l - 1), d(l));
    blas::gemm(blas::Op::none, blas::Op::none, n, d(l - 1), d(l), T(1), delta, d(l),
               flat_ + net_.weight_offset(l), d(l - 1), add ? T(1) : T(0), out, d(l - 1));
  }

  const Architecture& net() const { return net_; }
  Layout layout() const { return layout_; }
  const T* flat() const { return flat_; }
  const T* W(std::int64_t l) const { return flat_ + net_.weight_offset(l); }
  std::int64_t d(std::int64_t l) const { return net_.sizes[l]; }
  // Length of a row of d_l numbers.
  std::int64_t ld(std::int64_t l) const {
    return layout_ == Layout::plain ? d(l) : (d(l) + lanes<T> - 1) / lanes<T> * lanes<T>;
  }
  // Numbers of the largest layer's weights with rows of ld(l - 1).
  std::int64_t spare_size() const {
    std::int64_t most = 0;
    for (std::int64_t l = 1; l <= net_.layers(); ++l)
      if (ld(l - 1) != d(l - 1)) most = std::max(most, d(l) * ld(l - 1));
    return most;
  }

 private:
  static const DenseTable<T>& table() { return dense_kernels().template table<T>(); }

  const Architecture& net_;
  Layout layout_;
  const T* flat_ = nullptr;
  Room<T> packed_;
  std::vector<std::int64_t> down_, up_, bias_;
};

// out (d_l, d_{l-1}) = delta^T a, or out += delta^T a, of one chunk. `a` has rows of ld(l - 1),
// `spare` room for d_l of them.
template <class T>
void outer(const Weights<T>& weights, std::int64_t l, std::int64_t n, const T* delta, const T* a,
           T* out, bool add, T* spare) {
  const std::int64_t d = weights.d(l), d_in = weights.d(l - 1), ld = weights.ld(l - 1);
  if constexpr (!std::is_same_v<T, long double>)
    if (weights.layout() == Layout::packed) {
      const auto& table = dense_kernels().template table<T>();
      const Strided<T> turned{delta, 1, weights.ld(l)};
      if (ld == d_in) return table.multiply(turned, a, ld, add ? out : nullptr, out, ld, d, ld, n);
      if (add)
        for (std::int64_t p = 0; p < d; ++p) std::copy_n(out + p * d_in, d_in, spare + p * ld);
      table.multiply(turned, a, ld, add ? spare : nullptr, spare, ld, d, ld, n);
      for (std::int64_t p = 0; p < d; ++p) std::copy_n(spare + p * ld, d_in, out + p * d_in);
      return;
    }
  blas::gemm(blas::Op::transpose, blas::Op::none, d, d_in, n, T(1), delta, d, a, d_in,
             add ? T(1) : T(0), out, d_in);
}

}  // namespace saddlescape::net
