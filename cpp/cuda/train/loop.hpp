// Training steps of a plain network on the device, one after the other: train/loop.hpp's, with
// data, parameters, gradients and the optimizer's numbers in device memory. The host sends what
// numbers the steps have, the order of samples once for a burst, and reads of each step what is
// recorded.
//
// The network's and the step's sums have an order of their own, so records and parameters are the
// CPU's up to rounding; the optimizer's step has the CPU's bits (cuda/step.hpp). The same bits on
// each run on the same device.
#pragma once

#include <cstdint>

#include "cuda/net/network.hpp"
#include "cuda/step.hpp"
#include "train/loop.hpp"

namespace saddlescape::cuda {

// An optimizer at work on one tensor of the device's: what cuda::step takes, and counts.
struct Optimizer {
  update::Group* groups;
  update::Tensor* tensor;
  update::Around* around;
  Workspace* workspace;
  update::Outcome* outcome;
  std::int64_t* calls;
};

template <class T>
class DeviceLoop {
 public:
  // Data and theta are the device's, and must live on; `size`: the most samples of a batch.
  // Throws as Network does, and OutOfMemory.
  DeviceLoop(const net::Architecture& net, T* theta, const net::Batch<T>& data, std::int64_t size,
             const train::Penalty& penalty, const Stream& stream,
             const NetworkOptions& options = {});

  // The burst's arrays are the host's. As train::Loop::run.
  train::Progress run(const train::Burst& burst, const Optimizer& optimizer);

  // Of the device's memory.
  train::Memory<T> memory() const { return {before_, has_last_ ? g_[now_] : nullptr, last_norm_}; }
  // Goes on where another loop was; copied, in the stream's order.
  void remember(const train::Memory<T>& memory);

 private:
  bool step(const net::Batch<T>& batch, const Optimizer& optimizer, double* record);
  double move(T* g, const Optimizer& optimizer);
  void penalise_layers(T* g);
  const double* read(std::int64_t first, std::int64_t count);
  std::int64_t bytes() const { return P_ * static_cast<std::int64_t>(sizeof(T)); }

  Network<T> network_;
  Stream stream_;
  T* theta_;
  net::Batch<T> data_;
  std::int64_t P_;
  train::Penalty penalty_;
  Memory arrays_{Memory::Where::device, "the gradients of two training steps"};
  Memory sums_{Memory::Where::device, "the sums of a training step"};
  Memory order_{Memory::Where::device, "the order of samples"};
  Memory host_{Memory::Where::host, "what a training step is told by"};
  T *before_ = nullptr, *g_[2] = {};
  double *numbers_ = nullptr, *partial_ = nullptr;
  int now_ = 0;  // g_[now_] is the last gradient
  bool has_last_ = false;
  double last_norm_ = 0;
};

}  // namespace saddlescape::cuda
