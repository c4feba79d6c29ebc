// Loss and gradient over a batch, with memory that is kept from one batch to the next.
//
// A batch is cut into chunks, and the chunks into contiguous runs, whose sums are added in order:
// the numbers of samples and parameters alone say how. Small networks have chunks of 128 samples
// and up to 16 runs, which threads share. Of a large network each run but the first costs a
// gradient of its own in memory, so there are up to 4, of at least 1,024 samples; where threads
// can't share them evenly, or there is but one, each takes a chunk of 64 forward and backward by
// itself, and they share the gradient; and if there is but one chunk, they share its products. All
// with the same bits.
#pragma once

#include <memory>
#include <vector>

#include "net/backprop.hpp"

namespace saddlescape::net {

template <class T>
class LossGradient {
 public:
  // Room for batches of up to `samples`; with `ordered` for those that have an order.
  LossGradient(Architecture net, std::int64_t samples, bool ordered = false);

  // g (P,), or null for the loss alone; returns the mean loss. Nothing is allocated.
  double operator()(const T* theta, const Batch<T>& batch, T* g);

  // No number of the last gradient was larger; infinite if one may not be finite.
  double size_bound() const { return bound_; }

  const Architecture& net() const { return net_; }
  // Of what it keeps.
  std::int64_t bytes() const;

 private:
  // Of batches of so many samples.
  std::int64_t runs(std::int64_t samples) const;
  std::int64_t chunks(std::int64_t samples) const { return chunk_count(samples, rows_); }
  void run(const T* theta, const Batch<T>& batch, std::int64_t index, std::int64_t runs, T* out);

  Architecture net_;
  bool small_;
  std::int64_t rows_;                                 // of a chunk, at most
  std::vector<std::unique_ptr<Backprop<T>>> passes_;  // as many as work at a time
  std::int64_t parts_numbers_;
  Room<T> parts_;                      // gradients of the runs but the first
  std::vector<double> sums_, bounds_;  // losses of the chunks, bounds of their parts
  double bound_ = 0;
};

}  // namespace saddlescape::net
