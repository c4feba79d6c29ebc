// Training steps one after the other:
//
//   g_t = dL/dtheta of the batch (+ the penalty's), theta_{t+1} = theta_t - the optimizer's update
//
// with what is recorded of each: loss, |g_t|, cos(g_{t-1}, g_t), |theta_{t+1} - theta_t|, rate.
// Everything that a step needs is here: the network's passes, two gradients and the parameters
// before the step; once a plain network's step has run nothing is allocated. The optimizer's own
// numbers stay where they are, and move as by as many calls of update::step.
//
// A loss or gradient that is not finite ends the steps, with the parameters back where the loss was
// last finite; so do parameters that are not.
#pragma once

#include <cstdint>

#include "train/batch_gradient.hpp"
#include "train/measure.hpp"
#include "update/step.hpp"

namespace saddlescape::train {

// An optimizer at work on one tensor: what update::step takes, and counts.
struct Stepping {
  update::Group* groups;
  update::Tensor* tensor;
  update::Around* around;
  update::Workspace* workspace;
  update::Outcome* outcome;
  std::int64_t* calls;
};

constexpr std::int64_t record_width = 5;

// Steps to be done.
struct Burst {
  // Sample numbers, batch after batch; null where a batch is all samples, as they stand, and only
  // there.
  const std::int64_t* order;
  std::int64_t samples;  // how many, if there is an order
  std::int64_t size;     // of a batch; the last may be smaller
  std::int64_t steps;
  const double* rates;    // of each step
  const double* weights;  // of each step in the optimizer's average
  double* records;        // (steps, record_width)
  double seconds;         // after which it ends early
};

struct Progress {
  std::int64_t steps = 0;  // that have a record
  bool finite = true;      // false: the last one ended it
};

// What a step looks back at beside theta and the optimizer, so that steps can go on elsewhere.
template <class T>
struct Memory {
  const T* before;    // theta before the last step, to which a diverged one goes back
  const T* gradient;  // of the last step; null before the first
  double norm;        // of that gradient
};

template <class T>
class Loop {
 public:
  // Data and theta must live on; `size`: the most samples of a batch. Its weights, if any, are used
  // as they stand in every batch: divided by their mean over all samples, not over the batch.
  Loop(const net::Architecture& net, T* theta, const net::Batch<T>& data, std::int64_t size,
       const Penalty& penalty, const Training& training = {});

  Progress run(const Burst& burst, const Stepping& stepping);

  Memory<T> memory() const;
  // Goes on where another loop was; copied.
  void remember(const Memory<T>& memory);

  std::int64_t parameters() const { return P_; }

  // Of what it keeps.
  std::int64_t bytes() const;

 private:
  bool step(const net::Batch<T>& batch, const Stepping& stepping, double* record);
  bool known_finite(const T* g);
  bool can_watch(const Stepping& stepping) const;
  double move(const Stepping& stepping);
  Measured move_watched(const T* g, const Stepping& stepping, double& length);
  const T* last() const { return has_last_ ? g_[now_] : nullptr; }
  void restore();

  BatchGradient<T> gradient_;
  T* theta_;
  net::Batch<T> data_;
  std::int64_t P_;
  Penalty penalty_;
  net::Room<T> rooms_[3];
  T *before_, *g_[2];
  int now_ = 0;  // g_[now_] is the last gradient
  bool has_last_ = false;
  double last_norm_ = 0;
  Partial partial_;
};

}  // namespace saddlescape::train
