// How the numbers of a tensor lie in memory.
#pragma once

#include <cstdint>

namespace saddlescape::update {

enum class Element {
  float32,
  float64,
  bfloat16,
  float16,
  block8,  // a byte for each number, and a float32 scale for each block of block8_size
};
constexpr int element_count = 5;

constexpr std::int64_t block8_size = 64;

// The elements of a tile, what is expanded at a time: with Adam's four arrays in float32 16 KiB.
constexpr std::int64_t tile_size = 1024;
static_assert(tile_size % block8_size == 0);

constexpr std::int64_t width(Element element) {
  switch (element) {
    case Element::float64:
      return 8;
    case Element::float32:
      return 4;
    case Element::block8:
      return 1;
    default:
      return 2;
  }
}

// What a rule computes in where its parameters are of this type.
enum class Real { float32, float64 };
constexpr Real real_of(Element parameters) {
  return parameters == Element::float64 ? Real::float64 : Real::float32;
}
constexpr Element element_of(Real real) {
  return real == Real::float64 ? Element::float64 : Element::float32;
}

// What kind of number a state is: how it may be rounded.
enum class Nature {
  value,         // an average of gradients that forgets in some ten steps: to nearest
  slow,          // one that moves by less than a level in a step: dithered
  square,        // an average, sum or maximum of numbers >= 0: dithered, its own 8-bit code
  exact,         // full precision: a copy of the parameters, the smaller term of a difference
  exact_square,  // the same, of numbers >= 0
};
constexpr bool is_exact(Nature nature) {
  return nature == Nature::exact || nature == Nature::exact_square;
}
constexpr bool is_non_negative(Nature nature) {
  return nature == Nature::square || nature == Nature::exact_square;
}
constexpr int coded_natures = 3;  // the first ones have a code of 8 bits

// How a step is put together.
enum class Kind {
  elementwise,  // one pass
  normed,       // a pass that sets the states and takes norms, then one that moves the parameters
  matrix,       // the same matrix by matrix, with products between the two: blas::load comes first
  factored,     // normed, its states sums over rows and columns
};

}  // namespace saddlescape::update
