// parallel_for: every index once, from many threads at once, nested, after a fork, thousands of
// times.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
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
  nested();
  forked();
  stress();
  std::printf("parallel (%s): %s\n", saddlescape::threading(), failures ? "failed" : "all passed");
  return failures != 0;
}
