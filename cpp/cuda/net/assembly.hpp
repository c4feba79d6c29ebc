// The dense Hessian of the mean loss of a network, on the device: net/assembly.hpp's equations and
// order of blocks, each a few products of matrices; where layers are more than an activation, from
// products with the unit vectors.
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
  // (from 1). The batch has no order; what the mode points at is the host's.
  void compute(const double* theta, const net::Batch<double>& batch, net::Part part,
               std::int64_t first, std::int64_t last, double* H, const net::Mode& mode = {});

 private:
  template <class Chunk>
  void run(Chunk& chunk, bool at_once, const double* theta, const net::Batch<double>& batch);

  net::Architecture net_;
  Stream stream_;
  NetworkOptions options_;
  Blas blas_;
  Memory memory_{Memory::Where::device, "the Hessian's chunk of samples"};
  BatchMoments moments_;
};

// "; the Hessian of 1234 parameters would fit", in what is free now.
std::string hessian_that_fits();

}  // namespace saddlescape::cuda
