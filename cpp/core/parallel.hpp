// parallel_for(n, grain, fn): the only place where threads are started for our own loops.
//
// fn(begin, end) is called for contiguous ranges that cover [0, n) once, none shorter than `grain`
// unless there is only one, on this thread and on helpers. A parallel_for inside fn, or beside one
// of another thread, runs serially.
//
// If fn throws, the ranges that nobody has begun are left out, those that have been begun are
// waited for, and the first exception leaves parallel_for on the calling thread.
//
// The caller works through the ranges itself and waits only for helpers that have begun one: a
// helper whose core is taken by somebody else costs nothing. An OpenMP region waits for all of its
// threads, whether they had work or not: beside one busy process on two cores a step of 5 us took
// 4 ms, the scheduler's slice, with PyTorch's OpenMP as with ours.
// -DSADDLESCAPE_THREADS=openmp builds on OpenMP all the same, for a host that has a team already.
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

// True inside a range that parallel_for handed out.
bool in_parallel();

// Loops that were handed to the team so far, by any thread: to count a step's.
std::int64_t regions();

// "pool" or "openmp".
const char* threading();

}  // namespace saddlescape
