// The kernels between the products of a network.
#include "cuda/launch.hpp"
#include "cuda/net/kernels.hpp"
#include "cuda/net/launches.hpp"

namespace saddlescape::cuda {

template <class T>
void gather(const Stream& stream, const T* from, const std::int64_t* order, T* to, std::int64_t n,
            std::int64_t d) {
  launch("the batch's rows", stream, row_blocks(n, d), Gather<T>{from, order, to, d});
}

template <class T>
void transpose(const Stream& stream, const T* from, T* to, std::int64_t rows,
               std::int64_t columns) {
  launch("a transposition", stream, row_blocks(columns, rows),
         Transpose<T>{from, to, rows, columns});
}

template <class T>
void fill(const Stream& stream, T* to, T value, std::int64_t n) {
  launch("a fill", stream, parts_of(n), Fill<T>{to, value, n});
}

template <class T>
void add_bias(const Stream& stream, T* f, const T* bias, std::int64_t n, std::int64_t C) {
  launch("the outputs", stream, row_blocks(n, C), AddBias<T>{f, bias, C});
}

template <class T>
void activate(const Stream& stream, net::Activation activation, T* a, const T* bias, T* slope,
              T* curvature, std::int64_t d, std::int64_t n) {
  net::with_activation(activation, [&](auto phi) {
    launch("the activation", stream, row_blocks(d, n),
           Activate<decltype(phi), T>{a, bias, slope, curvature, n});
  });
}

template <class T>
void loss_of(const Stream& stream, const net::Architecture& net, const net::Batch<T>& chunk,
             T scale, T* f, const T* bias, double* losses, T* delta, T* kept) {
  net::with_loss(net, [&](auto loss) {
    const Targets<T> targets{chunk.Y, chunk.weight, scale, chunk.N, net.outputs()};
    launch("the loss", stream, parts_of(chunk.N),
           LossOf<decltype(loss), T>{loss, targets, f, bias, losses, delta, kept});
  });
}

void mean_loss(const Stream& stream, const double* losses, std::int64_t n, double terms,
               double* value, bool add) {
  launch("the mean loss", stream, 1, MeanLoss{losses, value, terms, n, add});
}

std::int64_t kept_numbers(const net::Architecture& net) {
  std::int64_t numbers = 0;
  net::with_loss(net, [&](auto loss) { numbers = loss.kept(net.outputs()); });
  return numbers;
}

template <class T>
void chain(const Stream& stream, const T* back, const T* slope, T* bend, T* delta, std::int64_t n) {
  launch("the chain rule", stream, parts_of(n), Chain<T>{back, slope, bend, delta, n});
}

template <class T>
void row_sums(const Stream& stream, const T* rows, bool last, std::int64_t units,
              std::int64_t vectors, std::int64_t n, T* out, std::int64_t step, bool add) {
  const Sheet<const T> sheet =
      last ? Sheet<const T>{rows, 1, n * units, units} : Sheet<const T>{rows, vectors * n, n, 1};
  launch("the sums over samples", stream, units * vectors,
         RowSums<T>{sheet, units, n, out, step, add});
}

template <class T>
void tangent_forward(const Stream& stream, T* Rs, const T* bias, std::int64_t step, const T* slope,
                     T* Ra, std::int64_t d, std::int64_t k, std::int64_t n) {
  launch("the forward tangent", stream, row_blocks(d * k, n),
         TangentForward<T>{Rs, bias, step, slope, Ra, k, n});
}

template <class T>
void tangent_backward(const Stream& stream, const T* Rback, const T* slope, const T* bend,
                      const T* Rs, T* Rdelta, std::int64_t d, std::int64_t k, std::int64_t n) {
  launch("the backward tangent", stream, row_blocks(d * k, n),
         TangentBackward<T>{Rback, slope, bend, Rs, Rdelta, k, n});
}

template <class T>
void loss_product(const Stream& stream, const net::Architecture& net, const net::Batch<T>& chunk,
                  T scale, const T* kept, T* Rf, const T* bias, std::int64_t step, T* Rdelta,
                  std::int64_t k) {
  net::with_loss(net, [&](auto loss) {
    const Targets<T> targets{chunk.Y, chunk.weight, scale, chunk.N, net.outputs()};
    launch("the loss's Hessian", stream, row_blocks(k, chunk.N),
           LossProduct<decltype(loss), T>{loss, targets, kept, Rf, bias, step, Rdelta});
  });
}

#define SADDLESCAPE_INSTANTIATE(T)                                                                \
  template void gather(const Stream&, const T*, const std::int64_t*, T*, std::int64_t,            \
                       std::int64_t);                                                             \
  template void transpose(const Stream&, const T*, T*, std::int64_t, std::int64_t);               \
  template void fill(const Stream&, T*, T, std::int64_t);                                         \
  template void add_bias(const Stream&, T*, const T*, std::int64_t, std::int64_t);                \
  template void activate(const Stream&, net::Activation, T*, const T*, T*, T*, std::int64_t,      \
                         std::int64_t);                                                           \
  template void loss_of(const Stream&, const net::Architecture&, const net::Batch<T>&, T, T*,     \
                        const T*, double*, T*, T*);                                               \
  template void chain(const Stream&, const T*, const T*, T*, T*, std::int64_t);                   \
  template void row_sums(const Stream&, const T*, bool, std::int64_t, std::int64_t, std::int64_t, \
                         T*, std::int64_t, bool);                                                 \
  template void tangent_forward(const Stream&, T*, const T*, std::int64_t, const T*, T*,          \
                                std::int64_t, std::int64_t, std::int64_t);                        \
  template void tangent_backward(const Stream&, const T*, const T*, const T*, const T*, T*,       \
                                 std::int64_t, std::int64_t, std::int64_t);                       \
  template void loss_product(const Stream&, const net::Architecture&, const net::Batch<T>&, T,    \
                             const T*, T*, const T*, std::int64_t, T*, std::int64_t);
SADDLESCAPE_INSTANTIATE(float)
SADDLESCAPE_INSTANTIATE(double)
#undef SADDLESCAPE_INSTANTIATE
template void fill(const Stream&, std::uint64_t*, std::uint64_t, std::int64_t);

}  // namespace saddlescape::cuda
