#include "net/mlp.hpp"

#include <algorithm>
#include <type_traits>

#include "core/isa.hpp"
#include "core/parallel.hpp"
#include "net/chunks.hpp"
#include "net/gradient.hpp"
#include "net/layered.hpp"
#include "net/products.hpp"

namespace saddlescape::net {

const ActivationKernels& activation_kernels() { SADDLESCAPE_ACTIVE(_activation) }

const DenseKernels& dense_kernels() { SADDLESCAPE_ACTIVE(_dense) }

const LossKernels& loss_kernels(){SADDLESCAPE_ACTIVE(_loss)}

std::int64_t Architecture::weight_offset(std::int64_t l) const {
  std::int64_t offset = 0;
  for (std::int64_t i = 1; i < l; ++i)
    offset += sizes[i] * (sizes[i - 1] + (bias ? 1 : 0) + (normalised(i) ? 2 : 0));
  return offset;
}

namespace {

// work(pass, chunk, its first row, part) writes the chunk's part (width,).
template <class T, class Work>
Sum<T> over_chunks(const Architecture& net, const T* theta, const Batch<T>& batch,
                   std::int64_t width, T* out, const Work& work) {
  const Weights<T> weights(net, layout_of<T>(net), theta);
  return sum_over_chunks<T, Sum<T>>(chunk_count(batch.N), chunk_grain(net, 1), width, out, [&] {
    return [&, pass = Pass<T>(weights, chunk_rows, batch.N)](std::int64_t c, T* part) mutable {
      return work(pass, chunk_of(net, batch, c), chunk_start(batch.N, c), part);
    };
  });
}

}  // namespace

template <class T>
void predict(const Architecture& net, const T* theta, const T* X, std::int64_t N, T* out,
             const Mode& mode) {
  if (!net.plain(mode)) return layered_predict(net, theta, X, N, out, mode);
  over_chunks(net, theta, Batch<T>{X, nullptr, N, nullptr}, 0, out,
              [&](Pass<T>& pass, const Batch<T>& chunk, std::int64_t row, T*) {
                const std::int64_t C = net.outputs();
                pass.forward(chunk, Need::values);
                for (std::int64_t i = 0; i < chunk.N; ++i)
                  std::copy_n(pass.outputs() + i * pass.ld(net.layers()), C, out + (row + i) * C);
                return Sum<T>(0);
              });
}

template <class T>
double loss(const Architecture& net, const T* theta, const Batch<T>& batch, const Mode& mode) {
  if (!net.plain(mode)) return layered_loss(net, theta, batch, mode);
  if constexpr (std::is_same_v<T, long double>) {
    const T sum = over_chunks(net, theta, batch, 0, static_cast<T*>(nullptr),
                              [](Pass<T>& pass, const Batch<T>& chunk, std::int64_t, T*) {
                                pass.forward(chunk, Need::values);
                                return pass.loss_sum(chunk);
                              });
    return static_cast<double>(sum / static_cast<T>(mean_terms(net, batch.N)));
  } else {
    return LossGradient<T>(net, batch.N)(theta, batch, nullptr);  // the bits of the gradient's
  }
}

template <class T>
double gradient(const Architecture& net, const T* theta, const Batch<T>& batch, T* g,
                const Mode& mode) {
  if (!net.plain(mode)) return layered_gradient(net, theta, batch, g, mode);
  if constexpr (std::is_same_v<T, long double>) {
    const T sum = over_chunks(net, theta, batch, net.parameters(), g,
                              [](Pass<T>& pass, const Batch<T>& chunk, std::int64_t, T* part) {
                                pass.forward(chunk, Need::slopes);
                                pass.backward(chunk, Need::slopes);
                                pass.gradient(part);
                                return pass.loss_sum(chunk);
                              });
    return static_cast<double>(sum / static_cast<T>(mean_terms(net, batch.N)));
  } else {
    return LossGradient<T>(net, batch.N)(theta, batch, g);
  }
}

template <class T>
void hessian_product(const Architecture& net, const T* theta, const Batch<T>& batch, const T* V,
                     std::int64_t k, T* HV, const Mode& mode) {
  if (!net.plain(mode))
    return LayeredProducts<T>(net, theta, batch, mode, Part::all, 0).product(V, k, HV);
  Products<T>(net, theta, batch, 0).product(V, k, HV);
}

void hessian_product_extended(const Architecture& net, const double* theta,
                              const Batch<double>& batch, const double* v, double* Hv,
                              const Mode& mode) {
  const auto widened = [](const double* x, std::int64_t n) {
    return std::vector<long double>(x, x + n);
  };
  const std::int64_t P = net.parameters();
  const auto theta_x = widened(theta, P), v_x = widened(v, P);
  const auto X = widened(batch.X, batch.N * net.inputs());
  const auto Y = widened(batch.Y, batch.N * net.outputs());
  const auto weight = widened(batch.weight, batch.weight ? batch.N : 0);
  const Batch<long double> wide{X.data(), Y.data(), batch.N,
                                batch.weight ? weight.data() : nullptr};
  std::vector<long double> product(static_cast<std::size_t>(P));
  hessian_product(net, theta_x.data(), wide, v_x.data(), 1, product.data(), mode);
  for (std::int64_t i = 0; i < P; ++i) Hv[i] = static_cast<double>(product[i]);
}

#define SADDLESCAPE_INSTANTIATE(T)                                                               \
  template void predict(const Architecture&, const T*, const T*, std::int64_t, T*, const Mode&); \
  template double loss(const Architecture&, const T*, const Batch<T>&, const Mode&);             \
  template double gradient(const Architecture&, const T*, const Batch<T>&, T*, const Mode&);     \
  template void hessian_product(const Architecture&, const T*, const Batch<T>&, const T*,        \
                                std::int64_t, T*, const Mode&);
SADDLESCAPE_INSTANTIATE(float)
SADDLESCAPE_INSTANTIATE(double)
SADDLESCAPE_INSTANTIATE(long double)
#undef SADDLESCAPE_INSTANTIATE

}  // namespace saddlescape::net
