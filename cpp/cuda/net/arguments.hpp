// What is done to a network's arguments on the device before it takes them: looked through, made
// into targets, brought to another precision.
#pragma once

#include <cstdint>

#include "cuda/device.hpp"

namespace saddlescape::cuda {

// Where the first number stands that is not in [low, high], NaN among them; -1 if there is none.
// Waits. T: float, double, std::int64_t, std::int32_t.
template <class T>
std::int64_t first_outside(const Stream& stream, const T* x, std::int64_t n, T low, T high);

// Y (N, C): 1 at the class, else 0. Class: std::int64_t or std::int32_t; T: float or double.
template <class Class, class T>
void one_hot(const Stream& stream, const Class* classes, T* Y, std::int64_t N, std::int64_t C);

// out = y (1 - e) + e / C, n numbers.
template <class T>
void smooth(const Stream& stream, const T* y, T* out, std::int64_t n, double smoothing,
            std::int64_t C);

// To float or double, of those or of integers.
template <class From, class To>
void convert(const Stream& stream, const From* from, To* to, std::int64_t n);

}  // namespace saddlescape::cuda
