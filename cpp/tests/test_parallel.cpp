// parallel_for: every index once, from many threads at once, after a rest, nested, after a fork,
// thousands of times.
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/parallel.hpp"

namespace {

int failures = 0;

void expect(bool ok, const char* what) {
  if (ok) return;
  std::printf("parallel: FAILED: %s\n", what);
  ++failures;
}

bool covers_once(std::int64_t n, std::int64_t grain) {
  std::vector<std::atomic<int>> seen(static_cast<std::size_t>(n));
  std::atomic<bool> long_enough{true};
  saddlescape::parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    if (end - begin < std::min(grain, n)) long_enough = false;
    for (std::int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
  });
  for (const auto& count : seen)
    if (count != 1) return false;
  return long_enough;
}

void ranges() {
  for (int threads : {1, 2, 3, 7}) {
    saddlescape::set_threads(threads);
    for (std::int64_t n : {0, 1, 2, 3, 7, 8, 9, 63, 64, 65, 1000})
      for (std::int64_t grain : {1, 2, 10, 2000})
        expect(covers_once(n, grain), "every index once, no range below the grain");
  }
}

using Clock = std::chrono::steady_clock;

// As many ranges as threads, of which none ends before all have begun: nobody can take a second one
// for a helper that sleeps on. work(i) is called in the i-th.
template <class Work>
bool all_at_work(int threads, Work&& work) {
  std::vector<std::atomic<int>> runs(static_cast<std::size_t>(threads));
  std::atomic<int> begun{0}, met{0};
  const auto deadline = Clock::now() + std::chrono::seconds(10);
  saddlescape::parallel_for(threads, 1, [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t i = first; i < end; ++i) {
      ++runs[static_cast<std::size_t>(i)];
      work(i);
    }
    ++begun;
    while (begun < threads && Clock::now() < deadline) std::this_thread::yield();
    met += begun == threads;
  });
  return met == threads && std::all_of(runs.begin(), runs.end(), [](int n) { return n == 1; });
}

void rest(int milliseconds) {
  if (milliseconds > 0) std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

// Helpers that look for the next loop, and such that have gone to sleep; more threads than before,
// and fewer.
void after_a_rest() {
  for (const int threads : {2, 3, 4, 5, 6, 7, 8, 5, 2, 8}) {
    saddlescape::set_threads(threads);
    for (const int pause : {0, 20, 1, 20, 0})
      for (int round = 0; round < 2; ++round) {
        rest(round == 0 ? pause : 0);
        if (all_at_work(threads, [](std::int64_t) {})) continue;
        return expect(false, "all threads at work after a rest, each on one range");
      }
  }
}

// Of one loop's threads: on how many CPUs each may run, that of the caller first.
std::vector<int> cpus_allowed(int threads) {
  std::vector<int> counts(static_cast<std::size_t>(threads));
  const auto caller = std::this_thread::get_id();
  std::atomic<std::size_t> next{1};
  all_at_work(threads, [&](std::int64_t) {
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    counts[std::this_thread::get_id() == caller ? 0 : next++] = CPU_COUNT(&set);
  });
  return counts;
}

// A helper that sleeps is woken off the caller's CPU: each of them, however many there are.
void woken_elsewhere() {
  if (std::string(saddlescape::threading()) != "pool") return;
  constexpr int threads = 8;
  saddlescape::set_threads(threads);
  const auto deadline = Clock::now() + std::chrono::seconds(10);
  for (bool all = false; !all;) {
    rest(5);  // on a busy machine nobody may have gone to sleep by then
    const std::vector<int> counts = cpus_allowed(threads);
    const int others = std::max(1, counts[0] - 1);
    all = std::all_of(counts.begin() + 1, counts.end(), [&](int n) { return n == others; });
    if (all || Clock::now() < deadline) continue;
    expect(false, "every helper may run on all CPUs but one");
    return;
  }
}

// Thousands of short loops from several threads: helpers come late, jobs close under them.
void stress() {
  saddlescape::set_threads(4);
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int c = 0; c < 3; ++c)
    callers.emplace_back([&] {
      for (int round = 0; round < 4000; ++round) {
        std::int64_t data[64] = {};
        saddlescape::parallel_for(64, 1, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) data[i] += i + round;
        });
        for (std::int64_t i = 0; i < 64; ++i) wrong += data[i] != i + round;
      }
    });
  for (std::thread& caller : callers) caller.join();
  expect(wrong == 0, "what helpers wrote is there when the loop returns");
}

void nested() {
  saddlescape::set_threads(2);
  std::atomic<int> sum{0};
  std::atomic<bool> told{true};
  saddlescape::parallel_for(8, 1, [&](std::int64_t begin, std::int64_t end) {
    if (!saddlescape::in_parallel()) told = false;
    saddlescape::parallel_for(
        end - begin, 1, [&](std::int64_t b, std::int64_t e) { sum += static_cast<int>(e - b); });
  });
  expect(sum == 8, "a loop inside a loop");
  expect(told && !saddlescape::in_parallel(), "in_parallel inside and after");
}

// A range that throws: what it threw comes out here, and only when no other range is at work.
template <class Function>
std::string thrown_by(std::int64_t n, Function&& range) {
  std::atomic<int> at_work{0};
  struct Count {
    std::atomic<int>& count;
    explicit Count(std::atomic<int>& c) : count(c) { ++count; }
    ~Count() { --count; }
    Count(const Count&) = delete;
    Count& operator=(const Count&) = delete;
  };
  std::string what = "nothing";
  try {
    saddlescape::parallel_for(n, 1, [&](std::int64_t begin, std::int64_t end) {
      const Count count(at_work);
      range(begin, end);
    });
  } catch (const std::exception& e) {
    what = e.what();
  }
  expect(at_work == 0, "no range is at work once the exception is out");
  expect(!saddlescape::in_parallel(), "outside of all ranges after an exception");
  return what;
}

// Where the exception comes from: the helper that is not given a core within a second is not there,
// and of one thread there is none to wait for.
void throws_on(bool on_caller, int threads) {
  const auto caller = std::this_thread::get_id();
  const auto deadline = Clock::now() + std::chrono::seconds(threads > 1);
  std::atomic<bool> helped{false};
  const std::string what = thrown_by(64, [&](std::int64_t begin, std::int64_t) {
    const bool here = std::this_thread::get_id() == caller;
    if (!here) helped = true;
    while (here && !helped && Clock::now() < deadline) {
    }
    // The other side is in the middle of its range when this one throws.
    if (here != on_caller) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (here == on_caller) throw std::runtime_error("range " + std::to_string(begin));
  });
  if (on_caller || helped) expect(what.rfind("range ", 0) == 0, "the exception of a range");
}

void exceptions() {
  for (int threads : {1, 2, 4}) {
    saddlescape::set_threads(threads);
    for (int round = 0; round < 20; ++round) {
      throws_on(true, threads);
      if (threads > 1) throws_on(false, threads);
      expect(thrown_by(1000, [](std::int64_t, std::int64_t) { throw std::runtime_error("all"); }) ==
                 "all",
             "every range throws, one comes out");
      const std::string nested = thrown_by(64, [](std::int64_t begin, std::int64_t end) {
        saddlescape::parallel_for(end - begin, 1, [&](std::int64_t, std::int64_t) {
          if (end > 30) throw std::runtime_error("within");
        });
      });
      expect(nested == "within", "a loop inside a loop throws");
      expect(covers_once(1000, 1), "the team works on after an exception");
    }
  }
  // As many at once as there are callers, and memory that does run out.
  saddlescape::set_threads(4);
  std::vector<std::thread> callers;
  std::atomic<int> caught{0};
  for (int c = 0; c < 3; ++c)
    callers.emplace_back([&] {
      for (int round = 0; round < 300; ++round) try {
          saddlescape::parallel_for(64, 1, [&](std::int64_t begin, std::int64_t) {
            if (begin % 3 == 0) throw std::bad_alloc();
          });
        } catch (const std::bad_alloc&) {
          ++caught;
        }
    });
  for (std::thread& caller : callers) caller.join();
  expect(caught == 900, "out of memory in ranges of several callers");
}

void forked() {
#if defined(__SANITIZE_THREAD__)
  return;  // the sanitizer itself does not survive a fork that starts threads
#endif
  saddlescape::set_threads(2);
  expect(covers_once(1000, 1), "before the fork");
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);  // a hang ends as a signal
    _exit(covers_once(1000, 1) && covers_once(1000, 1) ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "in the child of a fork");
  expect(covers_once(1000, 1), "in the parent after the fork");
}

}  // namespace

int main() {
  ranges();
  after_a_rest();
  woken_elsewhere();
  nested();
  exceptions();
  forked();
  stress();
  std::printf("parallel (%s): %s\n", saddlescape::threading(), failures ? "failed" : "all passed");
  return failures != 0;
}
