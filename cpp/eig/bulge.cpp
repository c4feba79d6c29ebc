#include "eig/bulge.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "core/isa.hpp"
#include "core/parallel.hpp"
#include "eig/bulge_kernels.hpp"

namespace saddlescape::eig {

const BulgeKernels& bulge_kernels() { SADDLESCAPE_ACTIVE(_bulge) }

namespace {

constexpr std::int64_t group = 4;  // sweeps that go down the matrix together

// Where a group of sweeps has come to: how many steps its last sweep has done. On lines of their
// own: one thread writes each, another looks at it all the time.
struct alignas(64) Progress {
  std::atomic<std::int64_t> steps{0};
};

class Chase {
 public:
  Chase(Band& band, Sweeps* kept)
      : band_(band),
        kept_(kept),
        n_(band.n()),
        sweeps_(std::max<std::int64_t>(0, n_ - 2)),
        groups_((sweeps_ + group - 1) / group),
        progress_(static_cast<std::size_t>(groups_)) {}

  // Every thread that comes takes the next group, in order: the one before is finished or in the
  // hands of a thread that runs, so nobody waits for ever, and a thread that never comes is not
  // missed.
  void run() {
    const bool worth = n_ >= 1000;
    parallel_for(worth ? threads() : 1, 1, [&](std::int64_t, std::int64_t) {
      for (;;) {
        const std::int64_t mine = next_.fetch_add(1, std::memory_order_relaxed);
        if (mine >= groups_) return;
        go_down(mine);
      }
    });
  }

 private:
  void go_down(std::int64_t mine) {
    const std::int64_t first = mine * group, count = std::min(group, sweeps_ - first);
    Reflector reflectors[2][group];
    const std::int64_t steps = Sweeps::steps(n_, first);
    // At time t the i-th sweep takes step t - i.
    for (std::int64_t t = 0; t < steps + count - 1; ++t) {
      if (mine > 0) await(progress_[mine - 1].steps, std::min(t + 2, last_steps(mine - 1)));
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t sweep = first + i, step = t - i;
        if (step < 0 || step >= Sweeps::steps(n_, sweep)) continue;
        Reflector* const h = &reflectors[step % 2][i];
        Reflector* const next = &reflectors[(step + 1) % 2][i];
        if (step == 0) kernels_.annihilate(&band_.at(sweep + 1, sweep), h);
        if (kept_) {
          std::copy(h->v, h->v + bandwidth, kept_->v(sweep, step));
          kept_->tau(sweep, step) = h->tau;
        }
        kernels_.step(band_.diagonal(sweep + 1 + step * bandwidth), Band::stride, h, next);
        if (i == count - 1) progress_[mine].steps.store(step + 1, std::memory_order_release);
      }
    }
  }

  // Steps of the last sweep of a group.
  std::int64_t last_steps(std::int64_t which) const {
    return Sweeps::steps(n_, std::min(sweeps_, (which + 1) * group) - 1);
  }

  static void await(const std::atomic<std::int64_t>& steps, std::int64_t wanted) {
    constexpr int patience = 4096;  // looks, before somebody else may have this CPU
    for (int look = 0; steps.load(std::memory_order_acquire) < wanted;)
      if (++look > patience) std::this_thread::yield();
  }

  Band& band_;
  Sweeps* kept_;
  std::int64_t n_, sweeps_, groups_;
  std::vector<Progress> progress_;
  std::atomic<std::int64_t> next_{0};
  const BulgeKernels& kernels_ = bulge_kernels();
};

}  // namespace

// Two blocks of zeros: of a reflector that reaches over the end, and of what is under it.
Band::Band(std::int64_t n) : n_(n), data_(numbers((n + 2 * bandwidth) * (stride + 1) + stride)) {
  const std::int64_t count = (n + 2 * bandwidth) * (stride + 1) + stride;
  std::fill(data_.get(), data_.get() + count, 0.0);
}

std::int64_t Sweeps::first(std::int64_t sweep) const {
  // sum over j < sweep of ceil((n - 1 - j) / b): with m = n - 1 and f(m) = sum_{i=1..m} ceil(i /
  // b).
  const auto f = [](std::int64_t m) {
    const std::int64_t full = m / bandwidth, rest = m % bandwidth;
    return bandwidth * full * (full + 1) / 2 + rest * (full + 1);
  };
  return f(n_ - 1) - f(n_ - 1 - sweep);
}

Sweeps::Sweeps(std::int64_t n)
    : n_(n),
      v_(numbers(first(std::max<std::int64_t>(0, n - 2)) * bandwidth)),
      tau_(numbers(first(std::max<std::int64_t>(0, n - 2)))) {}

void tridiagonal_of_band(Band& band, double* d, double* e, Sweeps* kept) {
  Chase(band, kept).run();
  for (std::int64_t i = 0; i < band.n(); ++i) d[i] = band.at(i, i);
  for (std::int64_t i = 0; i + 1 < band.n(); ++i) e[i] = band.at(i + 1, i);
}

}  // namespace saddlescape::eig
