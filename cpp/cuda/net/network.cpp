#include "cuda/net/network.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "cuda/net/launches.hpp"
#include "cuda/net/pass.hpp"
#include "cuda/net/room.hpp"
#include "cuda/net/tangent.hpp"

namespace saddlescape::cuda {
namespace {

// More at a time only make the products of their matrices longer.
constexpr std::int64_t most_vectors = 64;

void need_samples(std::int64_t samples) {
  if (samples < 1)
    throw std::invalid_argument("batch: " + std::to_string(samples) +
                                " samples, expected at least one");
}

}  // namespace

template <class T>
Network<T>::Network(net::Architecture net, const Stream& stream, const NetworkOptions& options)
    : net_(std::move(net)), stream_(stream), options_(options), blas_(stream, options.precision) {}

// Of a chunk.
template <class T>
template <class Arrange>
std::int64_t Network<T>::rows_at_once(std::int64_t samples, const net::Mode& mode,
                                      const Arrange& arrange) const {
  return net_.coupled(mode) ? samples : chunk_rows_of(samples, options_.most_bytes, arrange);
}

// Room for a chunk; its samples.
template <class T>
template <class Arrange>
std::int64_t Network<T>::prepare(std::int64_t samples, const net::Mode& mode,
                                 const Arrange& arrange) {
  const std::int64_t rows = rows_at_once(samples, mode, arrange);
  arrange_in(memory_, rows, arrange);
  return rows;
}

template <class T>
void Network<T>::predict(const T* theta, const T* X, std::int64_t N, T* out,
                         const net::Mode& mode) {
  if (N == 0) return;
  DevicePass<T> pass(net_, Keep::outputs, false, moments_.take(stream_, net_, mode));
  const std::int64_t rows =
      prepare(N, mode, [&](Cut& cut, std::int64_t n) { pass.arrange(cut, n); });
  const net::Batch<T> batch{X, nullptr, N};
  for (std::int64_t start = 0; start < N; start += rows)
    pass.forward(blas_, stream_, theta, rows_of(net_, batch, start, rows), start,
                 out + start * net_.outputs());
  moments_.report(stream_, net_, mode);
}

template <class T>
void Network<T>::loss(const T* theta, const net::Batch<T>& batch, double* value,
                      const net::Mode& mode) {
  need_samples(batch.N);
  const LayerMode own = moments_.take(stream_, net_, mode);
  DevicePass<T> pass(net_, Keep::loss, batch.order, own);
  DevicePass<T> back(net_, Keep::slopes, batch.order, own);
  const auto arrange = [&](Cut& cut, std::int64_t n) { pass.arrange(cut, n); };
  // In the gradient's chunks: the bits of its loss.
  const std::int64_t rows =
      rows_at_once(batch.N, mode, [&](Cut& cut, std::int64_t n) { back.arrange(cut, n); });
  arrange_in(memory_, rows, arrange);
  for (std::int64_t start = 0; start < batch.N; start += rows) {
    pass.forward(blas_, stream_, theta, rows_of(net_, batch, start, rows), start);
    pass.loss(stream_, batch.N, value, start > 0);
  }
  moments_.report(stream_, net_, mode);
}

template <class T>
void Network<T>::gradient(const T* theta, const net::Batch<T>& batch, T* g, double* value,
                          const net::Mode& mode) {
  need_samples(batch.N);
  DevicePass<T> pass(net_, Keep::slopes, batch.order, moments_.take(stream_, net_, mode));
  const std::int64_t rows =
      prepare(batch.N, mode, [&](Cut& cut, std::int64_t n) { pass.arrange(cut, n); });
  for (std::int64_t start = 0; start < batch.N; start += rows) {
    pass.forward(blas_, stream_, theta, rows_of(net_, batch, start, rows), start);
    pass.loss(stream_, batch.N, value, start > 0);
    pass.backward(blas_, stream_);
    pass.gradient(blas_, stream_, g, start > 0);
  }
  moments_.report(stream_, net_, mode);
}

template <class T>
void Network<T>::products(const T* theta, const net::Batch<T>& batch, const T* V, std::int64_t k,
                          T* HV, const net::Mode& mode) {
  need_samples(batch.N);
  if (k == 0) return;
  const std::int64_t P = net_.parameters(), vectors = std::min(k, most_vectors);
  DevicePass<T> pass(net_, Keep::curvatures, batch.order, moments_.take(stream_, net_, mode));
  DeviceTangent<T> tangent(net_);
  double* value = nullptr;
  const std::int64_t rows = prepare(batch.N, mode, [&](Cut& cut, std::int64_t n) {
    value = cut.take<double>(1);
    pass.arrange(cut, n);
    tangent.arrange(cut, pass, n, vectors);
  });
  for (std::int64_t start = 0; start < batch.N; start += rows) {
    pass.forward(blas_, stream_, theta, rows_of(net_, batch, start, rows), start);
    pass.loss(stream_, batch.N, value, false);
    pass.backward(blas_, stream_);
    for (std::int64_t first = 0; first < k; first += vectors)
      tangent.product(blas_, stream_, pass, batch.N, V + first * P, std::min(vectors, k - first),
                      HV + first * P, start > 0);
  }
}

template class Network<float>;
template class Network<double>;

}  // namespace saddlescape::cuda
