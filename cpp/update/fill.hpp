// What a state starts with.
#pragma once

#include <cstdint>

#include "update/storage.hpp"

namespace saddlescape::update {

// Scales of `size` numbers in blocks.
constexpr std::int64_t block_count(std::int64_t size) {
  return (size + block8_size - 1) / block8_size;
}

// Sets `size` numbers >= 0 of this type, and with block8 their scales. 0 is zero in every code;
// another number is that of a square.
void fill_state(Element type, void* state, float* scales, std::int64_t size, double number);

}  // namespace saddlescape::update
