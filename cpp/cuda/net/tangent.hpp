// The derivative of a chunk's forward and backward pass along k vectors at once; net/tangent.hpp's
// equations. R{s_l}, R{a_l} and R{delta_l} are (d_l, k, n), those of the outputs (k, n, C): what is
// multiplied by W_l is one product for all vectors, what is multiplied by V_l a batch of k.
#pragma once

#include <vector>

#include "cuda/net/layered_tangent.hpp"
#include "cuda/net/pass.hpp"

namespace saddlescape::cuda {

template <class T>
class DeviceTangent {
 public:
  // The network must live on.
  explicit DeviceTangent(const net::Architecture& net, net::Part part = net::Part::all)
      : net_(net),
        part_(part),
        layers_(static_cast<std::size_t>(net.layers() + 1)),
        layered_(net, part) {}

  // Takes the room for chunks of up to `rows` samples and `vectors` vectors. `pass` is like those
  // that products are along.
  void arrange(Cut& cut, const DevicePass<T>& pass, std::int64_t rows, std::int64_t vectors);

  // HV_j becomes, or with `add` gains, the chunk's part of H V_j, or of what a part of H makes of
  // it, for k vectors (k, P) one behind the other. `pass` has been forward, through its loss of a
  // mean over `total`, and backward.
  void product(const Blas& blas, const Stream& stream, const DevicePass<T>& pass,
               std::int64_t total, const T* V, std::int64_t k, T* HV, bool add);

 private:
  bool bends() const { return part_ != net::Part::gauss_newton; }
  void forward(const Blas& blas, const Stream& stream, const DevicePass<T>& pass, const T* V,
               std::int64_t k);
  void backward(const Blas& blas, const Stream& stream, const DevicePass<T>& pass, const T* V,
                std::int64_t k);
  void write(const Blas& blas, const Stream& stream, const DevicePass<T>& pass, std::int64_t k,
             T* HV, bool add);

  const net::Architecture& net_;
  net::Part part_;
  std::vector<TangentRows<T>> layers_;
  LayeredTangentSteps<T> layered_;
};

}  // namespace saddlescape::cuda
