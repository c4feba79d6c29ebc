#include "core/parallel.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>

#include "core/parallel_team.hpp"

namespace saddlescape {
namespace {

// Ranges for each thread: so many that one which is held up leaves the others its share.
constexpr std::int64_t ranges_a_thread = 4;

std::atomic<int> thread_count{0};
thread_local bool inside = false;

// The CPUs that this process may run on: fewer than there are in a container, or under taskset.
int available_cpus() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// OMP_NUM_THREADS may be a list, one number for each level of nesting; ours is the first.
int default_threads() {
  const char* wanted = std::getenv("OMP_NUM_THREADS");
  const long count = wanted ? std::strtol(wanted, nullptr, 10) : 0;
  return count >= 1 ? static_cast<int>(std::min(count, 4096L)) : available_cpus();
}

std::atomic<std::int64_t> region_count{0};

// While it lives, this thread is inside a range.
class Inside {
 public:
  Inside() { inside = true; }
  ~Inside() { inside = false; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
};

struct Loop {
  std::int64_t n, parts;
  RangeFunction function;
  void* context;
  std::atomic<bool> failed{false};
  std::exception_ptr failure{};  // what the first range to fail threw

  // Nothing may leave a part: helpers would take the process down, and the caller would unwind the
  // stack that they still work on.
  static void run(void* loop, std::int64_t part) noexcept {
    Loop& l = *static_cast<Loop*>(loop);
    if (l.failed.load(std::memory_order_relaxed)) return;
    // n part / parts without its overflow: what is left over is spread over the ranges, so that
    // the first thread's run of them holds no more of it than the last one's.
    const std::int64_t share = l.n / l.parts, rest = l.n % l.parts;
    const Inside here;
    try {
      l.function(l.context, share * part + rest * part / l.parts,
                 share * (part + 1) + rest * (part + 1) / l.parts);
    } catch (...) {
      if (!l.failed.exchange(true, std::memory_order_relaxed)) l.failure = std::current_exception();
    }
  }
};

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

std::int64_t regions() { return region_count.load(std::memory_order_relaxed); }

bool in_parallel() { return inside; }

const char* threading() { return team::name; }

void parallel_ranges(std::int64_t n, std::int64_t grain, RangeFunction function, void* context) {
  if (n <= 0) return;
  const std::int64_t most = std::max<std::int64_t>(1, n / std::max<std::int64_t>(1, grain));
  const std::int64_t team = std::min<std::int64_t>(threads(), most);
  Loop loop{n, std::min(most, team * ranges_a_thread), function, context};
  if (team > 1 && !inside) region_count.fetch_add(1, std::memory_order_relaxed);
  if (team > 1 && !inside && team::share(static_cast<int>(team), loop.parts, &Loop::run, &loop)) {
    if (loop.failure) std::rethrow_exception(loop.failure);
    return;
  }
  function(context, 0, n);
}

}  // namespace saddlescape
