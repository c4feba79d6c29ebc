#include "cuda/launch.hpp"
#include "cuda/net/rows.hpp"
#include "cuda/numbers.hpp"
#include "cuda/train/average.hpp"

namespace saddlescape::cuda {
namespace {

// One block.
struct Average {
  Judged of;
  double momentum;
  const double* seen;
  std::int64_t count;
  double* running;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED double waiting[block_threads];
    SADDLESCAPE_SHARED double outside;
    const double loss = of.sums->loss;
    if (of.standing->stopped != 0 || !is_finite(loss)) return;
    sum_in_order(
        block, count, waiting, [&](std::int64_t i) { return is_finite(seen[i]) ? 0.0 : 1.0; },
        [&](double sum) { outside = sum; });
    block.phase([](int) {});
    block.all([&](int thread) {
      for (std::int64_t i = thread; outside == 0 && i < count; i += block_threads)
        running[i] = momentum * running[i] + (1 - momentum) * seen[i];
    });
  }
};

}  // namespace

void average(const Stream& stream, const Judged& of, double momentum, const double* seen,
             std::int64_t count, double* running) {
  launch("the averages of batch normalisation", stream, 1,
         Average{of, momentum, seen, count, running});
}

}  // namespace saddlescape::cuda
