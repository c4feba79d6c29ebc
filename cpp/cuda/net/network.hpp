// A network on the device: outputs, loss, gradient, exact Hessian products.
//
//   Network<float> network(architecture, Stream(stream));
//   network.gradient(theta, batch, g, &value);       // all of them in device memory
//
// Numbers are those of net/mlp.hpp up to the order of sums; the same bits on each run on the same
// device. Samples go through in chunks, and vectors in groups, so that memory does not grow with
// either; how they are cut depends on their numbers and on `most_bytes` alone. Where batch
// normalisation in training couples the samples, all of them go through at once. All memory is
// there before the first number of a result is written: OutOfMemory leaves everything as it was,
// and says what would fit.
#pragma once

#include <cstdint>

#include "cuda/blas.hpp"
#include "cuda/device.hpp"
#include "cuda/net/batch_moments.hpp"
#include "net/mlp.hpp"

namespace saddlescape::cuda {

struct NetworkOptions {
  Precision precision = Precision::full;
  std::int64_t most_bytes = std::int64_t{256} << 20;  // for what a chunk leaves
};

template <class T>
class Network {
 public:
  Network(net::Architecture net, const Stream& stream, const NetworkOptions& options = {});

  // What a mode points at is the host's.

  // out (N, C): the outputs f, before any softmax or sigmoid.
  void predict(const T* theta, const T* X, std::int64_t N, T* out, const net::Mode& mode = {});

  // The mean loss to *value. The batch may have an order.
  void loss(const T* theta, const net::Batch<T>& batch, double* value, const net::Mode& mode = {});

  // g (P,), and the mean loss to *value.
  void gradient(const T* theta, const net::Batch<T>& batch, T* g, double* value,
                const net::Mode& mode = {});

  // V and HV are k vectors (k, P), each contiguous: HV_j = H V_j.
  void products(const T* theta, const net::Batch<T>& batch, const T* V, std::int64_t k, T* HV,
                const net::Mode& mode = {});

  // (2, hidden units) on the device: after a pass of batch normalisation in training the means and
  // variances of its batch.
  const double* moments() const { return moments_.there(); }

  const net::Architecture& net() const { return net_; }
  const Stream& stream() const { return stream_; }

 private:
  template <class Arrange>
  std::int64_t rows_at_once(std::int64_t samples, const net::Mode& mode,
                            const Arrange& arrange) const;
  template <class Arrange>
  std::int64_t prepare(std::int64_t samples, const net::Mode& mode, const Arrange& arrange);

  net::Architecture net_;
  Stream stream_;
  NetworkOptions options_;
  Blas blas_;
  Memory memory_{Memory::Where::device, "the network's chunk of samples"};
  BatchMoments moments_;
};

}  // namespace saddlescape::cuda
