// Loss and gradient of one batch after the other, in training: what a network draws and keeps
// besides its parameters moves along.
//
// A plain network's passes have memory of their own (net/gradient.hpp). One with normalisation,
// residual connections or dropout takes masks that are a function of the seed and the step, and
// after each batch
//
//   running = momentum running + (1 - momentum) the batch's moments
//
// (Ioffe and Szegedy 2015; PyTorch's momentum is 1 - ours, and its variance there the unbiased
// one).
#pragma once

#include <memory>
#include <vector>

#include "net/gradient.hpp"

namespace saddlescape::train {

struct Training {
  std::uint64_t seed = 0;  // of dropout's masks
  std::uint64_t step = 0;  // of the next batch
  // (2, hidden units): what batch normalisation takes at test time; not looked at without it.
  double* running = nullptr;
  double momentum = 0.9;
};

template <class T>
class BatchGradient {
 public:
  // Batches have up to `samples`; with `ordered` they have an order.
  BatchGradient(const net::Architecture& net, std::int64_t samples, bool ordered,
                const Training& training);

  // g (P,); returns the mean loss.
  double operator()(const T* theta, const net::Batch<T>& batch, T* g);

  // No number of the last gradient was larger; infinite where that is not known.
  double size_bound() const;

  const net::Architecture& net() const { return net_; }
  // Of what it keeps.
  std::int64_t bytes() const;

 private:
  void average();

  net::Architecture net_;
  Training training_;
  std::unique_ptr<net::LossGradient<T>> plain_;
  std::int64_t rows_ = 0;  // that are gathered
  net::Room<T> X_, Y_, weight_;
  std::vector<double> seen_;  // (2, hidden units), the batch's
};

}  // namespace saddlescape::train
