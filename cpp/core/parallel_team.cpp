#include "core/parallel_team.hpp"

#ifdef SADDLESCAPE_THREADS_OPENMP

#include <omp.h>
#include <pthread.h>

#include <atomic>

namespace saddlescape::team {
namespace {

// OpenMP's threads do not survive a fork, and a parallel region in the child would wait for them
// for ever: there the parts run on the calling thread.
std::atomic<bool> forked{false};
[[maybe_unused]] const int registered =
    pthread_atfork(nullptr, nullptr, [] { forked.store(true, std::memory_order_relaxed); });

}  // namespace

const char* const name = "openmp";

bool share(int threads, std::int64_t parts, Part part, void* job) {
  if (forked.load(std::memory_order_relaxed) || omp_in_parallel()) return false;
#pragma omp parallel for num_threads(threads) schedule(dynamic)
  for (std::int64_t i = 0; i < parts; ++i) part(job, i);
  return true;
}

}  // namespace saddlescape::team

#else

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

namespace saddlescape::team {
namespace {

// One job at a time. A helper enters it under the lock, takes parts until there are none left, and
// leaves it under the lock; once the caller has closed it nobody enters any more, so the job may
// live on the caller's stack, and a helper that comes late is not waited for.
class Pool {
 public:
  void run(int helpers, std::int64_t parts, Part part, void* job) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      start(helpers);
      part_ = part;
      job_ = job;
      parts_ = parts;
      shares_ = std::min(helpers + 1, most_shares);
      for (int share = 0; share < shares_; ++share)
        taken_[share].count.store(0, std::memory_order_relaxed);
      places_ = helpers;
      ++jobs_;
      open_.store(jobs_, std::memory_order_release);  // for helpers that are awake and look
    }
    if (asleep_.load(std::memory_order_seq_cst) > 0) {
      keep_off_this_cpu();
      wake_.notify_all();
    }
    take_parts(0, shares_, part, job, parts);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      open_.store(0, std::memory_order_relaxed);
      places_ = 0;
    }
    for (int i = 0; i < looks && within_.load(std::memory_order_acquire) > 0; ++i) pause();
    if (within_.load(std::memory_order_acquire) > 0) {
      std::unique_lock<std::mutex> lock(mutex_);
      done_.wait(lock, [this] { return within_.load(std::memory_order_acquire) == 0; });
    }
  }

 private:
  // Looks for this long before it sleeps: the next step of a training loop comes sooner, and the
  // system call that wakes a sleeper costs the caller microseconds.
  static constexpr int looks = 2000;
  static constexpr int patience = 256;  // looks, some microseconds
  static constexpr int most_shares = 64;

  void start(int helpers) {
    while (started_ < helpers) {
      try {
        // Never joined: a helper holds no resource, and a process that ends does not wait for it.
        std::thread helper(&Pool::help, this, started_ + 1);
        handles_[started_ % most_shares] = helper.native_handle();
        helper.detach();
      } catch (const std::system_error&) {
        return;  // the system gives no more threads: those there are do the work
      } catch (const std::bad_alloc&) {
        return;  // nor memory to start one
      }
      ++started_;
      kept_off_ = -1;  // it may run anywhere yet
    }
  }

  // A sleeper may be woken on the caller's own CPU, and then waits behind the caller for as long as
  // that works, beside an idle CPU: two threads took as long as one for 8 ms after each rest.
  void keep_off_this_cpu() {
    const int here = sched_getcpu();
    cpu_set_t others;
    if (here < 0 || here == kept_off_ || sched_getaffinity(0, sizeof others, &others) != 0) return;
    CPU_CLR(static_cast<std::size_t>(here), &others);
    if (CPU_COUNT(&others) == 0) return;
    for (int i = 0; i < std::min(started_, most_shares); ++i)
      pthread_setaffinity_np(handles_[i], sizeof others, &others);
    kept_off_ = here;
  }

  [[noreturn]] void help(int number) {
    std::uint64_t seen = 0;
    for (;;) {
      for (int i = 0; i < looks && fresh(seen) == 0; ++i) pause();
      std::unique_lock<std::mutex> lock(mutex_);
      if (fresh(seen) == 0) {
        asleep_.fetch_add(1, std::memory_order_seq_cst);
        wake_.wait(lock, [&] { return fresh(seen) != 0; });
        asleep_.fetch_sub(1, std::memory_order_relaxed);
      }
      seen = open_.load(std::memory_order_relaxed);
      if (places_ == 0) continue;  // enough hands, or closed while we took the lock
      --places_;
      within_.fetch_add(1, std::memory_order_relaxed);
      const Part part = part_;
      void* const job = job_;
      const std::int64_t parts = parts_;
      const int shares = shares_;
      lock.unlock();
      take_parts(number % shares, shares, part, job, parts);
      lock.lock();
      if (within_.fetch_sub(1, std::memory_order_release) == 1) done_.notify_one();
    }
  }

  // The number of an open job that is not `seen`, else 0.
  std::uint64_t fresh(std::uint64_t seen) const {
    const std::uint64_t open = open_.load(std::memory_order_acquire);
    return open == seen ? 0 : open;
  }

  // First the parts of one's own share, then what others have not come to. The same thread has the
  // same share in the next loop, so that its part of the data is still in its own cache; so nothing
  // is taken at once from one who has begun. Dealt out as they come, parts of a small step wander
  // between the caches: Adam over 1.4 MB took three times as long.
  void take_parts(int own, int shares, Part part, void* job, std::int64_t parts) {
    for (int i = 0; i < shares; ++i) {
      const int share = (own + i) % shares;
      const std::int64_t first = parts * share / shares, last = parts * (share + 1) / shares;
      std::atomic<std::int64_t>& taken = taken_[share].count;
      for (int look = 0; i > 0 && look < patience; ++look) {
        const std::int64_t begun = taken.load(std::memory_order_relaxed);
        if (begun == 0 || begun >= last - first) break;
        pause();
      }
      for (;;) {
        const std::int64_t next = first + taken.fetch_add(1, std::memory_order_relaxed);
        if (next >= last) break;
        part(job, next);
      }
    }
  }

  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  // Under the lock:
  Part part_ = nullptr;
  void* job_ = nullptr;
  std::int64_t parts_ = 0;
  int shares_ = 1;  // contiguous runs of parts, one for each thread
  int places_ = 0;  // helpers that may still enter
  int started_ = 0;
  std::thread::native_handle_type handles_[most_shares] = {};  // they never end, so they stay valid
  int kept_off_ = -1;  // the CPU that helpers were last kept off; only the caller looks at it
  std::uint64_t jobs_ = 0;
  // Changed under the lock, read without it:
  std::atomic<int> within_{0};          // helpers that have entered and not left
  std::atomic<std::uint64_t> open_{0};  // the number of the open job, 0 if there is none
  std::atomic<int> asleep_{0};
  struct alignas(64) Taken {
    std::atomic<std::int64_t> count{0};
  };
  Taken taken_[most_shares];  // parts of each share that have been taken, or asked for in vain
};

// Never destroyed: helpers may still look at it while the process ends.
std::atomic<Pool*> pool{nullptr};
std::atomic_flag busy = ATOMIC_FLAG_INIT;

// A child of a fork has none of the helpers, and its copy of the pool may be locked for ever by one
// of them: it starts with a new one.
[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, [] {
  pool.store(nullptr, std::memory_order_relaxed);
  busy.clear(std::memory_order_relaxed);
});

}  // namespace

const char* const name = "pool";

bool share(int threads, std::int64_t parts, Part part, void* job) {
  if (busy.test_and_set(std::memory_order_acquire)) return false;
  Pool* mine = pool.load(std::memory_order_acquire);
  if (!mine) {
    mine = new (std::nothrow) Pool;
    pool.store(mine, std::memory_order_release);
  }
  if (mine) mine->run(threads - 1, parts, part, job);
  busy.clear(std::memory_order_release);
  return mine != nullptr;
}

}  // namespace saddlescape::team

#endif
