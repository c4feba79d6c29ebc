// The C interface from C++: a step allocates nothing, and a handle that is at work refuses a second
// caller.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <thread>
#include <vector>

#include "capi/saddlescape.h"

namespace {

std::atomic<long> allocations{0};
int failures = 0;

void expect(bool ok, const char* what) {
  if (ok) return;
  std::printf("failed: %s (%s)\n", what, saddlescape_last_error());
  ++failures;
}

struct Problem {
  explicit Problem(std::int64_t n, double clip_norm = 0)
      : theta(static_cast<std::size_t>(n), 1.0F), gradient(static_cast<std::size_t>(n), 0.5F) {
    const saddlescape_tensor tensor = {theta.data(), n};
    const saddlescape_group group = {nullptr, &tensor, 1};
    saddlescape_settings settings;
    saddlescape_settings_init(&settings, sizeof settings);
    settings.clip_norm = clip_norm;
    expect(saddlescape_create_groups("adam", &group, 1, &settings, &adam) == SADDLESCAPE_OK,
           "create");
  }
  ~Problem() { saddlescape_destroy(adam); }
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  saddlescape_status step() {
    const void* gradients[] = {gradient.data()};
    return saddlescape_step(adam, gradients, 1);
  }

  std::vector<float> theta, gradient;
  saddlescape_optimizer* adam = nullptr;
};

void test_allocations() {
  Problem small(100), large(1 << 20), clipped(5000, 1);
  large.step();    // starts the threads
  clipped.step();  // makes room for its sums
  const long before = allocations.load();
  expect(before > 0, "allocations are counted");
  for (int i = 0; i < 5; ++i) {
    expect(small.step() == SADDLESCAPE_OK, "a small step");
    expect(large.step() == SADDLESCAPE_OK, "a large step");
    expect(clipped.step() == SADDLESCAPE_OK, "a clipped step");
  }
  expect(allocations.load() == before, "a step allocates nothing");
}

void test_busy() {
  Problem problem(1 << 20);
  std::atomic<bool> seen{false}, ended{false};
  std::thread second([&] {
    while (!seen.load() && !ended.load())
      if (saddlescape_set_lr(problem.adam, 1e-4) == SADDLESCAPE_BUSY) seen.store(true);
  });
  // The step is refused when the other one was there first.
  for (int i = 0; i < 20000 && !seen.load(); ++i) {
    const saddlescape_status status = problem.step();
    expect(status == SADDLESCAPE_OK || status == SADDLESCAPE_BUSY, "step or busy");
  }
  ended.store(true);
  second.join();
  expect(seen.load(), "a second caller is refused during a step");
  expect(problem.step() == SADDLESCAPE_OK, "and is welcome afterwards");
}

}  // namespace

void* operator new(std::size_t size) {
  allocations.fetch_add(1);
  if (void* memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

int main() {
  test_allocations();
  test_busy();
  if (failures == 0) std::printf("capi step: all passed\n");
  return failures == 0 ? 0 : 1;
}
