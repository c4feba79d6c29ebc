#include "core/parallel.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace saddlescape {
namespace {

std::atomic<bool> in_forked_child{false};
std::atomic<int> thread_count{0};
thread_local bool inside = false;

// Runs when the library is loaded, so that a fork at any later time is seen.
const int at_fork_registered = pthread_atfork(
    nullptr, nullptr, [] { in_forked_child.store(true, std::memory_order_relaxed); });

int default_threads() {
#ifdef _OPENMP
  return std::max(1, std::min(omp_get_max_threads(), omp_get_num_procs()));
#else
  return 1;
#endif
}

}  // namespace

int threads() {
  int count = thread_count.load(std::memory_order_relaxed);
  if (count == 0) {
    count = default_threads();
    thread_count.store(count, std::memory_order_relaxed);
  }
  return count;
}

void set_threads(int count) {
  if (count < 1)
    throw std::invalid_argument("threads: " + std::to_string(count) + ", expected at least 1");
  thread_count.store(count, std::memory_order_relaxed);
}

bool in_parallel() { return inside; }

bool forked() { return in_forked_child.load(std::memory_order_relaxed); }

void parallel_ranges(std::int64_t n, std::int64_t grain, RangeFunction function, void* context) {
  if (n <= 0) return;
  const std::int64_t most = std::max<std::int64_t>(1, n / std::max<std::int64_t>(1, grain));
  const std::int64_t parts = std::min<std::int64_t>(threads(), most);
#ifdef _OPENMP
  if (parts > 1 && !forked() && !inside) {
#pragma omp parallel num_threads(static_cast<int>(parts))
    {
      // The runtime may give fewer threads than were asked for: cut by what came.
      const std::int64_t team = omp_get_num_threads();
      const std::int64_t rank = omp_get_thread_num();
      const std::int64_t begin = n / team * rank + std::min(rank, n % team);
      const std::int64_t end = n / team * (rank + 1) + std::min(rank + 1, n % team);
      inside = team > 1;
      function(context, begin, end);
      inside = false;
    }
    return;
  }
#endif
  function(context, 0, n);
}

}  // namespace saddlescape
