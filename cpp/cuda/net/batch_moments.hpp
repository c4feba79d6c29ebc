// Means and variances of batch normalisation between the host, where a mode has them, and the
// device, where a pass looks at them or leaves the batch's own.
#pragma once

#include "cuda/device.hpp"
#include "cuda/net/layer.hpp"
#include "net/mlp.hpp"

namespace saddlescape::cuda {

class BatchMoments {
 public:
  // What a pass in this mode takes; the averages are on their way to the device. All memory is
  // there when it returns, report's too.
  LayerMode take(const Stream& stream, const net::Architecture& net, const net::Mode& mode);

  // After a pass in training: the batch's own, where the mode wants them. Waits if it does.
  void report(const Stream& stream, const net::Architecture& net, const net::Mode& mode);

  // (2, hidden units) on the device; what the last pass looked at or left.
  double* there() const { return there_.as<double>(); }

 private:
  Memory there_{Memory::Where::device, "the averages of batch normalisation"};
  Memory here_{Memory::Where::host, "the averages of batch normalisation"};
  Event sent_;
};

}  // namespace saddlescape::cuda
