// The dense Hessian of a network with layers that are more than an activation, or a part of it:
// from products with the unit vectors, as net/layered.hpp has it.
#pragma once

#include <cstdint>

#include "cuda/net/pass.hpp"
#include "cuda/net/tangent.hpp"

namespace saddlescape::cuda {

class HessianColumns {
 public:
  // Of the layers first ... last (from 1) to H, on the device. The network must live on.
  HessianColumns(const net::Architecture& net, const LayerMode& mode, net::Part part,
                 std::int64_t first, std::int64_t last, const Blas& blas, const Stream& stream,
                 double* H);

  // Takes the room for chunks of up to `rows` samples.
  void arrange(Cut& cut, std::int64_t rows);

  void begin();

  // Adds what a chunk brings that begins with the batch's row `row`, one of `total`.
  void add(const double* theta, const net::Batch<double>& chunk, std::int64_t row,
           std::int64_t total);

  // Makes H exactly symmetric.
  void finish();

 private:
  const net::Architecture& net_;
  const Blas& blas_;
  const Stream& stream_;
  DevicePass<double> pass_;
  DeviceTangent<double> tangent_;
  std::int64_t begin_, width_, columns_;  // so many at a time
  double* H_;
  double *value_ = nullptr, *units_ = nullptr, *products_ = nullptr;
};

}  // namespace saddlescape::cuda
