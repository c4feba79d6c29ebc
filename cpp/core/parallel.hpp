// parallel_for(n, grain, fn): the only place where threads are started for our own loops.
//
// fn(begin, end) is called for contiguous ranges that cover [0, n) once, at most one range a
// thread, none shorter than `grain` unless there is only one. fn must not throw.
// In the child of a fork the ranges run serially: OpenMP's threads do not survive a fork, and
// a parallel region there would wait for them for ever.
#pragma once

#include <cstdint>
#include <type_traits>

namespace saddlescape {

using RangeFunction = void (*)(void* context, std::int64_t begin, std::int64_t end);

void parallel_ranges(std::int64_t n, std::int64_t grain, RangeFunction function, void* context);

template <class Function>
void parallel_for(std::int64_t n, std::int64_t grain, Function&& function) {
  parallel_ranges(
      n, grain,
      [](void* context, std::int64_t begin, std::int64_t end) {
        (*static_cast<std::remove_reference_t<Function>*>(context))(begin, end);
      },
      const_cast<void*>(static_cast<const void*>(&function)));
}

// Threads that our loops and BLAS may use: at the start OMP_NUM_THREADS, else the CPUs that this
// process may run on. set_threads throws std::invalid_argument below 1.
int threads();
void set_threads(int count);

// True inside a range that parallel_for handed to a thread of its own.
bool in_parallel();

// True in a process that was forked after this library was loaded.
bool forked();

}  // namespace saddlescape
