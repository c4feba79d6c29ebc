// The derivative along k vectors of what layered.hpp does between the products: the equations of
// net/layered_tangent.hpp, on (d, k, n). Of the Gauss-Newton part the outputs' R{delta_L} goes back
// through the network as it stands.
#pragma once

#include <vector>

#include "cuda/net/layered_tangent_launches.hpp"
#include "cuda/net/pass.hpp"
#include "net/assembly.hpp"

namespace saddlescape::cuda {

template <class T>
class LayeredTangentSteps {
 public:
  LayeredTangentSteps(const net::Architecture& net, net::Part part)
      : net_(net), part_(part), layers_(static_cast<std::size_t>(net.layers() + 1)) {}

  // Takes the room for chunks of up to `rows` samples and `vectors` vectors.
  void arrange(Cut& cut, std::int64_t rows, std::int64_t vectors);

  // R{a_l} from R{s_l} without its v_l; `below` is R{a_{l-1}}, null where that is the inputs'.
  void forward(const Stream& stream, const DevicePass<T>& pass, std::int64_t l,
               const TangentRows<T>& own, const T* below, const T* V, std::int64_t k) const;

  // R{dL/da_l}: what comes down from R{delta_{l+1}} is added to it where layer l + 1 is skipped.
  T* back() const { return back_; }
  // R{delta_l} from R{dL/da_l}
  void backward(const Stream& stream, const DevicePass<T>& pass, std::int64_t l,
                const TangentRows<T>& own, const T* V, std::int64_t k) const;

  // R{dL/dgamma_l} and R{dL/dbeta_l} into k vectors like theta.
  void write(const Stream& stream, std::int64_t l, std::int64_t k, T* HV, bool add) const;

 private:
  struct Layer {
    T *Rxhat, *q1, *q2, *Rm1, *Rm2;
    double* sums;
  };
  bool bends() const { return part_ != net::Part::gauss_newton; }
  TangentLayer<T> tangent(const NormalisedLayer<T>& layer, std::int64_t l, const T* V,
                          std::int64_t k) const;
  void normalise_rows(const Stream& stream, const DevicePass<T>& pass, std::int64_t l, T* R,
                      const T* V, std::int64_t k) const;
  void unnormalise_rows(const Stream& stream, const DevicePass<T>& pass, std::int64_t l, T* Rdu,
                        const T* V, std::int64_t k) const;

  const net::Architecture& net_;
  net::Part part_;
  std::vector<Layer> layers_;
  T* back_ = nullptr;
};

}  // namespace saddlescape::cuda
