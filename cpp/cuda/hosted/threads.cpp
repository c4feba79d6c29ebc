// A block's threads as coroutines, so that each runs to a barrier before another has begun.
#undef _FORTIFY_SOURCE  // it takes jumps from one stack to another for faults
#include <ucontext.h>

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "cuda/hosted/order.hpp"

namespace saddlescape::cuda::hosted {
namespace {

enum class Order { none, up, down };

Order order() {
  static const Order found = [] {
    const char* const words = std::getenv("SADDLESCAPE_HOSTED_ORDER");
    if (words && std::strstr(words, "down")) return Order::down;
    return words && std::strstr(words, "up") ? Order::up : Order::none;
  }();
  return found;
}

constexpr std::size_t stack_bytes = std::size_t{512} << 10;

struct Thread {
  std::unique_ptr<char[]> stack{new char[stack_bytes]};
  std::jmp_buf place;
  bool begun = false, ended = true;
};

struct Block {
  std::vector<Thread> threads;
  std::jmp_buf caller;
  const std::function<void(int)>* body = nullptr;
  int now = 0;

  Thread& running() { return threads[static_cast<std::size_t>(now)]; }
};

Block& block() {
  static thread_local Block own;
  return own;
}

// Back to who let the thread run. These jumps ask nothing of the system, as swapcontext would.
void pause() {
  Block& own = block();
  if (_setjmp(own.running().place) == 0) _longjmp(own.caller, 1);
}

// Kept for the next block.
[[noreturn]] void begin() {
  for (;;) {
    Block& own = block();
    if (own.body) (*own.body)(own.now);
    own.running().ended = true;
    pause();
  }
}

void run(Block& own) {
  Thread& next = own.running();
  if (_setjmp(own.caller) != 0) return;
  if (next.begun) _longjmp(next.place, 1);
  next.begun = true;
  ucontext_t context;
  getcontext(&context);
  context.uc_stack.ss_sp = next.stack.get();
  context.uc_stack.ss_size = stack_bytes;
  context.uc_link = nullptr;
  makecontext(&context, begin, 0);
  setcontext(&context);
}

}  // namespace

bool has_threads() { return order() != Order::none; }

void each_thread(int count, const std::function<void(int)>& body) {
  Block& own = block();
  own.body = &body;
  own.threads.resize(static_cast<std::size_t>(count));
  for (Thread& each : own.threads) each.ended = false;
  for (int ended = 0; ended < count;) {
    ended = 0;
    for (int k = 0; k < count; ++k) {
      own.now = order() == Order::down ? count - 1 - k : k;
      run(own);
      ended += own.running().ended;
    }
    if (ended == 0 || ended == count) continue;
    std::fprintf(stderr, "a barrier that %d of %d threads never come to\n", ended, count);
    std::abort();
  }
}

void barrier() { pause(); }

}  // namespace saddlescape::cuda::hosted
