// Training steps of a network on the device, one after the other: train/loop.hpp's, with data,
// parameters, gradients and the optimizer's numbers in device memory. The host sends what
// numbers the steps have, and the order of samples once for a burst; what is recorded stands on the
// device until the burst is over, and nobody waits in between but for what the optimizer's rule
// has to know. Steps that were asked for after one that was not finite do nothing (standing.hpp).
//
// The network's and the step's sums have an order of their own, so records and parameters are the
// CPU's up to rounding; the optimizer's step has the CPU's bits (cuda/step.hpp). The same bits on
// each run on the same device.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/net/network.hpp"
#include "cuda/step.hpp"
#include "cuda/train/standing.hpp"
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
  // Data and theta are the device's, and must live on; `size`: the most samples of a batch. The
  // training's averages are the host's: each burst begins from them and ends in them.
  // Throws as Network does, and OutOfMemory.
  DeviceLoop(const net::Architecture& net, T* theta, const net::Batch<T>& data, std::int64_t size,
             const train::Penalty& penalty, const Stream& stream,
             const NetworkOptions& options = {}, const train::Training& training = {});

  // The burst's arrays are the host's. As train::Loop::run, and waits at the end.
  train::Progress run(const train::Burst& burst, const Optimizer& optimizer);

  // Of the device's memory.
  train::Memory<T> memory() const { return {before_, has_last_ ? g_[now_] : nullptr, last_norm_}; }
  // Goes on where another loop was; copied, in the stream's order.
  void remember(const train::Memory<T>& memory);

 private:
  // What an optimizer counts on the host, as it was before a step.
  struct Count {
    std::int64_t steps;
    double carried[update::max_carried], before[update::max_carried];
    double trust;
    update::Norms norms;
  };
  static Count count_of(const update::Tensor& tensor);
  static void count_again(const Count& count, update::Tensor& tensor);

  void begin(const train::Burst& burst);
  net::Batch<T> batch(const train::Burst& burst, std::int64_t step) const;
  net::Mode mode(std::int64_t step) const;
  bool averages() const { return network_.net().coupled(mode(0)); }
  void send_averages();
  void take_averages();
  void step(const net::Batch<T>& batch, const Judged& judged, const Optimizer& optimizer);
  void move(T* g, const Judged& judged, const Optimizer& optimizer);
  void penalise_layers(T* g);
  train::Progress end(const train::Burst& burst, std::int64_t asked, const Optimizer& optimizer);
  bool go_back(const Standing& standing, std::int64_t asked, const Optimizer& optimizer);
  std::int64_t units() const { return 2 * network_.net().hidden_units(); }
  std::int64_t running_bytes() const { return units() * static_cast<std::int64_t>(sizeof(double)); }
  std::int64_t bytes() const { return P_ * static_cast<std::int64_t>(sizeof(T)); }

  Network<T> network_;
  Stream stream_;
  T* theta_;
  net::Batch<T> data_;
  std::int64_t P_;
  train::Penalty penalty_;
  train::Training training_;
  Memory running_{Memory::Where::device, "the averages of batch normalisation"};
  Memory running_here_{Memory::Where::host, "the averages of batch normalisation"};
  Memory arrays_{Memory::Where::device, "the gradients of training steps"};
  Memory sums_{Memory::Where::device, "the sums of a training step"};
  Memory records_{Memory::Where::device, "the records of training steps"};
  Memory order_{Memory::Where::device, "the order of samples"};
  Memory host_{Memory::Where::host, "what training steps are told and tell"};
  T *before_ = nullptr, *g_[2] = {}, *kept_ = nullptr;
  StepSums* sums() const { return sums_.as<StepSums>(); }
  Standing* standing_ = nullptr;
  double* partial_ = nullptr;
  int now_ = 0;  // g_[now_] is the last gradient
  bool has_last_ = false;
  double last_norm_ = 0;
  std::vector<Count> counts_;  // before each step of this burst, and before the next
  bool had_last_ = false;      // before this burst
};

}  // namespace saddlescape::cuda
