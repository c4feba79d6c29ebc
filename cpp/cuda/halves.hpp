// Numbers that are stored in two bytes as float32 beside them, and back again, on the device.
#pragma once

#include <cstdint>

#include "cuda/device.hpp"
#include "update/storage.hpp"

namespace saddlescape::cuda {

// From an array of any element but float64 and block8.
void widen(const Stream& stream, update::Element type, const void* from, std::int64_t n, float* to);

// Each to the nearest, as the CPU rounds.
void narrow(const Stream& stream, update::Element type, const float* from, std::int64_t n,
            void* to);

}  // namespace saddlescape::cuda
