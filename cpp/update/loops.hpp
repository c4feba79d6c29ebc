// What the loops over arrays share. Compiled once for each instruction set: internal linkage,
// nothing of std::.
#pragma once

#include <cstdint>

#include "core/host_device.hpp"
#include "core/lanes.hpp"
#include "update/kernels.hpp"
#include "update/storage.hpp"

namespace saddlescape::update {
namespace {

using lanes::Lanes;

constexpr std::int64_t block = block8_size;
// In the second-level cache it costs a tenth: only ranges far beyond it ask.
constexpr std::int64_t worth_asking = std::int64_t(1) << 19;

// Asks for what is eight blocks away. Hardware looks ahead too, but not as far as four or five
// arrays from the third-level cache or a fast memory need, nor through a loop that computes for
// long. Past the end of an array nothing is read.
SADDLESCAPE_BLOCK_LOOP void ask_ahead(const void* array, std::int64_t from, std::int64_t width) {
  const auto start = reinterpret_cast<std::uintptr_t>(array);
  const auto first = start + static_cast<std::uintptr_t>((from + 8 * block) * width);
  for (std::int64_t k = 0; k < block * width; k += 64)
    __builtin_prefetch(reinterpret_cast<const void*>(first + static_cast<std::uintptr_t>(k)), 1, 3);
}

// A rule with two forms, in one of them, which h.form() tells: a loop round this one has no branch
// and runs as vectors.
template <class Rule, bool form>
struct InForm {
  template <class... Numbers>
  SADDLESCAPE_BLOCK_LOOP static void update(const Rule& h, Numbers&&... numbers) {
    Rule::template update_in<form>(h, numbers...);
  }
};
template <class Rule, class = void>
constexpr bool has_forms = false;
template <class Rule>
constexpr bool has_forms<Rule, decltype(static_cast<void>(Rule::has_forms))> = true;

// A gradient as the rules see it.
template <class T>
struct Scale {
  T factor, most, shrink;

  SADDLESCAPE_HOST_DEVICE explicit Scale(const Scaling& scaling)
      : factor(static_cast<T>(scaling.unscale)),
        most(static_cast<T>(scaling.limit)),
        shrink(static_cast<T>(scaling.clip)) {}
  SADDLESCAPE_HOST_DEVICE T operator()(T g) const {
    T value = g * factor;
    // Written so that a NaN stays one.
    value = value > most ? most : value;
    value = value < -most ? -most : value;
    return value * shrink;
  }
};

}  // namespace
}  // namespace saddlescape::update
