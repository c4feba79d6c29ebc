// The derivative of a chunk's forward and backward pass along k vectors at once; net/tangent.hpp's
// equations. R{s_l}, R{a_l} and R{delta_l} are (d_l, k, n), those of the outputs (k, n, C): what is
// multiplied by W_l is one product for all vectors, what is multiplied by V_l a batch of k.
#pragma once

#include <vector>

#include "cuda/net/pass.hpp"

namespace saddlescape::cuda {

template <class T>
class DeviceTangent {
 public:
  explicit DeviceTangent(const net::Architecture& net)
      : net_(net), layers_(static_cast<std::size_t>(net.layers() + 1)) {}

  // Takes the room for chunks of up to `rows` samples and `vectors` vectors.
  void arrange(Cut& cut, std::int64_t rows, std::int64_t vectors);

  // HV_j becomes, or with `add` gains, the chunk's part of H V_j, for k vectors (k, P) one behind
  // the other. `pass` has been forward, through its loss of a mean over `total`, and backward.
  void product(const Blas& blas, const Stream& stream, const DevicePass<T>& pass,
               std::int64_t total, const T* V, std::int64_t k, T* HV, bool add);

 private:
  struct Layer {
    T *Rs, *Ra, *Rdelta;
  };
  void forward(const Blas& blas, const Stream& stream, const DevicePass<T>& pass, const T* V,
               std::int64_t k);
  void backward(const Blas& blas, const Stream& stream, const DevicePass<T>& pass, const T* V,
                std::int64_t k);
  void write(const Blas& blas, const Stream& stream, const DevicePass<T>& pass, std::int64_t k,
             T* HV, bool add);

  const net::Architecture& net_;
  std::vector<Layer> layers_;
};

}  // namespace saddlescape::cuda
