// How a kernel sees the threads of its block: on the device, and on the CPU by the same source.
//
// A kernel is a struct whose operator() takes a Block. What all threads do between two barriers is
// a phase: block.phase(f) calls f(thread), on the device in each thread for itself with a barrier
// behind it, on the CPU for one thread after the other. What a thread keeps from phase to phase is
// an Own<T>, what the threads of a block share is SADDLESCAPE_SHARED. So index arithmetic, tiling
// and tails are those of the device where a test without one runs them.
#pragma once

#include <cstdint>

#include "core/host_device.hpp"
#if !defined(__CUDACC__)
#include "cuda/hosted/order.hpp"
#endif

#if defined(__CUDACC__)
#define SADDLESCAPE_KERNEL __device__
#define SADDLESCAPE_SHARED __shared__
#else
#define SADDLESCAPE_KERNEL
#define SADDLESCAPE_SHARED static thread_local
#endif

namespace saddlescape::cuda {

constexpr int block_threads = 256;

#if defined(__CUDACC__)

template <class T>
class Own {
 public:
  SADDLESCAPE_KERNEL T& of(int) { return mine_; }

 private:
  T mine_;
};

class Block {
 public:
  SADDLESCAPE_KERNEL std::int64_t index() const { return blockIdx.x; }

  // A phase that no other one waits for.
  template <class F>
  SADDLESCAPE_KERNEL void all(const F& f) const {
    f(static_cast<int>(threadIdx.x));
  }
  template <class F>
  SADDLESCAPE_KERNEL void phase(const F& f) const {
    all(f);
    __syncthreads();
  }

  // Gives each thread the largest of its sixteen: threads 0 to 15, 16 to 31, ...
  SADDLESCAPE_KERNEL void largest_of_sixteen(Own<std::uint32_t>& each) const {
    std::uint32_t& mine = each.of(0);
    for (int apart = 8; apart > 0; apart /= 2) {
      const std::uint32_t other = __shfl_xor_sync(0xffffffffU, mine, apart);
      mine = other > mine ? other : mine;
    }
  }

  // target <- min(target, value), whoever else does the same.
  SADDLESCAPE_KERNEL void lower(std::uint64_t& target, std::uint64_t value) const {
    static_assert(sizeof(unsigned long long) == sizeof(std::uint64_t));
    atomicMin(reinterpret_cast<unsigned long long*>(&target),
              static_cast<unsigned long long>(value));
  }
};

#else

template <class T>
class Own {
 public:
  T& of(int thread) { return each_[thread]; }

 private:
  T each_[block_threads];
};

class Block {
 public:
  // `own`: the thread that runs by itself; -1: all of them do, in a loop.
  explicit Block(std::int64_t index, int own = -1) : index_(index), own_(own) {}
  std::int64_t index() const { return index_; }

  template <class F>
  void all(const F& f) const {
    if (own_ >= 0) return f(own_);
    for (int thread = 0; thread < block_threads; ++thread) f(thread);
  }
  template <class F>
  void phase(const F& f) const {
    all(f);
    if (own_ >= 0) hosted::barrier();
  }

  void largest_of_sixteen(Own<std::uint32_t>& each) const {
    static thread_local std::uint32_t numbers[block_threads];
    all([&](int thread) { numbers[thread] = each.of(thread); });
    if (own_ >= 0) hosted::barrier();
    all([&](int thread) {
      std::uint32_t largest = 0;
      for (int k = 0, first = thread / 16 * 16; k < 16; ++k)
        if (numbers[first + k] > largest) largest = numbers[first + k];
      each.of(thread) = largest;
    });
    if (own_ >= 0) hosted::barrier();
  }

  void lower(std::uint64_t& target, std::uint64_t value) const {
    if (value < target) target = value;
  }

 private:
  std::int64_t index_;
  int own_;
};

#endif

}  // namespace saddlescape::cuda
