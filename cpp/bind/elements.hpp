// Element types of arrays, in the core's words and back.
#pragma once

#include "bind/array.hpp"
#include "update/storage.hpp"

namespace saddlescape::bind {

inline update::Element element_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::float64:
      return update::Element::float64;
    case Dtype::bfloat16:
      return update::Element::bfloat16;
    case Dtype::float16:
      return update::Element::float16;
    default:
      return update::Element::float32;
  }
}

// What an array of such numbers is in NumPy. NumPy has no bfloat16: its bits.
inline Dtype dtype_of(update::Element element) {
  switch (element) {
    case update::Element::float64:
      return Dtype::float64;
    case update::Element::bfloat16:
      return Dtype::uint16;
    case update::Element::float16:
      return Dtype::float16;
    case update::Element::block8:
      return Dtype::uint8;
    default:
      return Dtype::float32;
  }
}

inline bool is_half(Dtype dtype) { return dtype == Dtype::bfloat16 || dtype == Dtype::float16; }

// Gradients may be narrower than what is computed in, never wider.
inline std::initializer_list<Dtype> gradient_dtypes(Dtype parameter) {
  static constexpr std::initializer_list<Dtype> wide = {Dtype::float64};
  static constexpr std::initializer_list<Dtype> narrow = {Dtype::float32, Dtype::bfloat16,
                                                          Dtype::float16};
  return parameter == Dtype::float64 ? wide : narrow;
}

}  // namespace saddlescape::bind
