#include "update/fill.hpp"

#include <algorithm>

#include "core/codes.hpp"

namespace saddlescape::update {
namespace {

template <class T>
void fill(void* state, std::int64_t size, T number) {
  std::fill_n(static_cast<T*>(state), size, number);
}

}  // namespace

void fill_state(Element type, void* state, float* scales, std::int64_t size, double number) {
  const auto narrow = static_cast<float>(number);
  half::Bfloat16 bits;
  half::narrow(narrow, bits);
  switch (type) {
    case Element::float64:
      return fill(state, size, number);
    case Element::bfloat16:
      return fill(state, size, bits);
    case Element::block8:  // the largest code: the scale says of what
      fill(state, size, static_cast<std::uint8_t>(number > 0 ? 255 : 0));
      std::fill_n(scales, block_count(size), number > 0 ? codes::scale_of(narrow) : 0.0F);
      return;
    default:
      return fill(state, size, narrow);
  }
}

}  // namespace saddlescape::update
