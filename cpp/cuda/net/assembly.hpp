// The dense Hessian of the mean loss of a plain network, on the device: net/assembly.hpp's
// equations and order of blocks, each a few products of matrices.
#pragma once

#include <cstdint>
#include <string>

#include "cuda/device.hpp"
#include "cuda/net/network.hpp"
#include "net/assembly.hpp"

namespace saddlescape::cuda {

// Memory that one Hessian needs and the next one needs again, and the handle of cuBLAS.
class DenseHessian {
 public:
  // Throws as Network does.
  DenseHessian(net::Architecture net, const Stream& stream, const NetworkOptions& options = {});

  // H (k, k) on the device, exactly symmetric, for the k parameters of the layers first ... last
  // (from 1). The batch has no order.
  void compute(const double* theta, const net::Batch<double>& batch, net::Part part,
               std::int64_t first, std::int64_t last, double* H);

 private:
  net::Architecture net_;
  Stream stream_;
  NetworkOptions options_;
  Blas blas_;
  Memory memory_{Memory::Where::device, "the Hessian's chunk of samples"};
};

// "; the Hessian of 1234 parameters would fit", in what is free now.
std::string hessian_that_fits();

}  // namespace saddlescape::cuda
